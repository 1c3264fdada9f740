"""`ferryman plan`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from ferryman.app import Options, Preview, preview
from ferryman.cli.options import EXIT_TROUBLE, json_option, pass_connect, plain, print_json, specs_option, state_option
from ferryman.fleet.hypervisor import Connect
from ferryman.planning.decisions import Decision, Drifted, Plan, Refused, UpToDate, Wait
from ferryman.records.conditions import Suspended
from ferryman.specs.source import SourceError

_EXIT_CHANGES = 2


@click.command()
@specs_option
@state_option
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 0: nothing to do; 1: something is wrong; 2: there are moves to do."
)
@json_option
@pass_connect
def plan(connect: Connect, specs: Path, state: Path, detailed_exitcode: bool, as_json: bool) -> None:
    """Show what the daemon would do now, and why; nothing is touched.

    Every host is read; for each VM that has to move, both ends are looked at closely, and everything that stands
    against the move is named with its remedy. Without --detailed-exitcode: exit 1 only if something is wrong.
    """
    try:
        found = preview(Options(specs=specs, state=state), connect)
    except SourceError as error:
        raise click.ClickException(f"{error.reason}\n  remedy: {error.remedy}") from error
    if as_json:
        print_json(_for_programs(found))
    else:
        _print(found)
    sys.exit(_exit_code(found, detailed=detailed_exitcode))


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
    moves = sum(isinstance(one, Plan) for one in found.decisions.values())
    stuck = sum(isinstance(one, (Refused, Wait, Drifted)) for one in found.decisions.values())
    click.echo(f"{len(found.decisions)} VMs: {moves} to move, {stuck} that cannot or must not move")


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
                lines += [f"    {finding.reason}", f"    remedy: {finding.remedy}"]
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
    lines += [f"    not {no.method}: {no.reason}" for no in move.rejected]
    lines += [f"    warning: {finding.reason}\n    remedy: {finding.remedy}" for finding in move.warnings]
    return "\n".join(lines)
