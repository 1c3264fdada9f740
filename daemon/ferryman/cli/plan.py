"""`ferryman plan`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from ferryman.cli.definitions import EVERY_VM, definitions_shown, print_differences
from ferryman.cli.options import EXIT_TROUBLE, json_option, pass_connect, plain, print_json, specs_option, state_option
from ferryman.cli.refusing import refusal
from ferryman.cli.waiting import SignOfLife
from ferryman.cli.words import prediction
from ferryman.fleet.hypervisor import Connect
from ferryman.planning.decisions import Decision, Drifted, Refused, UpToDate, Wait
from ferryman.planning.findings import Severity
from ferryman.planning.plans import Plan
from ferryman.previewing import Preview, preview
from ferryman.records.state.conditions import Suspended
from ferryman.specs.source import SourceError
from ferryman.specs.uncommitted import uncommitted

_EXIT_CHANGES = 2
_MOST_FILES = 5
_LEGEND = "= in place   > moves   ~ waits   ! blocked   - suspended"


@click.command()
@specs_option
@state_option
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 0: nothing to do; 1: something is wrong; 2: there are moves to do."
)
@click.option(
    "--show-xml",
    metavar="[VM]",
    is_flag=False,
    flag_value=EVERY_VM,
    help="Show how the definition of VM, or of every VM that moves, differs at its destination; with --json whole.",
)
@json_option
@pass_connect
def plan(
    connect: Connect, specs: Path, state: Path, detailed_exitcode: bool, show_xml: str | None, as_json: bool
) -> None:
    """Show what the daemon would do now, and why; nothing is touched.

    Every host is read; for each VM that has to move, both ends are looked at closely, and everything that stands
    against the move is named with its remedy. A VM whose spec sets max_downtime_ms is watched for a second, to predict
    its downtime. Without --detailed-exitcode: exit 1 only if something is wrong.
    """
    _tell_uncommitted(specs)
    try:
        with SignOfLife("reading the hosts; one that does not answer is waited for up to 10 s", sys.stderr):
            found = preview(specs, state, connect, _tell)
    except SourceError as error:
        raise refusal(error.reason, error.remedy) from error
    shown = definitions_shown(found, show_xml)
    if as_json:
        print_json(_for_programs(found) | ({"xml": plain(shown)} if show_xml else {}))
    else:
        _print(found)
        print_differences(found, shown)
    sys.exit(_exit_code(found, detailed=detailed_exitcode))


def _tell_uncommitted(specs: Path) -> None:
    edited = uncommitted(specs)
    if edited:
        shown = ", ".join(edited[:_MOST_FILES]) + (
            f" and {len(edited) - _MOST_FILES} more" * (len(edited) > _MOST_FILES)
        )
        click.echo(
            f"uncommitted edits do not count: {shown}\n    remedy: git -C {specs} add --all . && git -C {specs} commit",
            err=True,
        )


def _tell(doing: str) -> None:
    click.echo(f"{doing} ...", err=True)


def _exit_code(found: Preview, *, detailed: bool) -> int:
    decisions = found.decisions.values()
    if found.problems or any(isinstance(one, (Refused, Wait, Drifted)) for one in decisions):
        return EXIT_TROUBLE
    return _EXIT_CHANGES if detailed and any(isinstance(one, Plan) for one in decisions) else 0


def _for_programs(found: Preview) -> dict[str, Any]:
    """The preview with each decision's kind: up-to-date, plan, refused, wait, drifted or suspended."""
    kinds = {vm: re.sub(r"(?<=.)([A-Z])", r"-\1", type(one).__name__).lower() for vm, one in found.decisions.items()}
    decisions = {vm: {"kind": kinds[vm], **plain(one)} for vm, one in found.decisions.items()}
    return {"revision": found.revision, "decisions": decisions, "problems": plain(found.problems)}


def _print(found: Preview) -> None:
    for problem in found.problems:
        click.echo(f"! {problem.place or 'source'}: {problem.message}\n    remedy: {problem.remedy}")
    for vm, decision in found.decisions.items():
        click.echo(_text(vm, decision))
    if found.decisions:
        click.echo(_LEGEND)
    moves = sum(isinstance(one, Plan) for one in found.decisions.values())
    waiting = sum(isinstance(one, Wait) for one in found.decisions.values())
    blocked = sum(isinstance(one, (Refused, Drifted)) for one in found.decisions.values())
    click.echo(f"{len(found.decisions)} VMs: {moves} to move, {waiting} waiting, {blocked} blocked")


def _text(vm: str, decision: Decision | Suspended) -> str:
    match decision:
        case UpToDate():
            return f"= {vm} on {decision.host}" + (f": {decision.message}" if decision.message else "")
        case Plan():
            return _plan_text(decision)
        case Refused():
            towards = f" -> {decision.destination}" if decision.destination else ""
            lines = [f"! {vm}{towards}: {decision.reason}"]
            for finding in decision.findings:
                mark = "" if finding.severity is Severity.BLOCKER else "warning: "
                lines += [f"    {mark}{finding.reason}", f"    remedy: {finding.remedy}"]
            return "\n".join(lines)
        case Wait():
            remedy = f"\n    remedy: {decision.remedy}" if decision.remedy else ""
            return f"~ {vm}: {decision.message}{remedy}"
        case Drifted():
            return (
                f"! {vm}: somebody else moved it from {decision.expected} to {decision.found}\n"
                f'    remedy: name {decision.found} in its spec, or say drift = "correct" to have it moved back'
            )
        case Suspended():
            return f"- {vm}: its spec says suspend = true"


def _plan_text(move: Plan) -> str:
    lines = [f"> {move.vm}: {move.source} -> {move.destination} ({move.method})", f"    why: {move.why}"]
    lines += [
        f"    {disk.target}: {disk.transfer} {disk.source.ref.pool}/{disk.source.ref.name} "
        f"-> {disk.destination.pool}/{disk.destination.name}"
        + (" (replaces the copy left behind there)" if disk.replaces_leftover else "")
        for disk in move.disks
    ]
    lines.append("    encrypted: " + ("yes" if move.encrypted else f"no: {move.plain_because}"))
    if move.driven_because:
        lines.append(f"    driven by the {move.driven_by}: {move.driven_because}")
    lines += [f"    {prediction(one)}" for one in move.predictions]
    lines += [f"    not {no.method}: {no.reason}" for no in move.rejected]
    lines += [f"    warning: {finding.reason}\n    remedy: {finding.remedy}" for finding in move.warnings]
    return "\n".join(lines)
