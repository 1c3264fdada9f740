"""`ferryman status`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ferryman.cli.options import EXIT_TROUBLE, json_option, print_json, state_option
from ferryman.cli.refusing import require_state
from ferryman.cli.words import progress
from ferryman.records.progress_files import Progress, read_progress
from ferryman.records.state.states import ConditionType, FleetState, HostState, VmState
from ferryman.records.store import StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the state folder says now."""

    fleet: FleetState
    vms: dict[str, VmState]
    hosts: dict[str, HostState]
    moving: tuple[Progress, ...]


@click.command()
@state_option
@json_option
def status(state: Path, as_json: bool) -> None:
    """Show where every VM is and what is said of it, and every host, from the state folder.

    Exit 0: every VM is in place (or suspended) and every host reachable; 1: not so.
    """
    require_state(state)
    with StateStore.open(state, read_only=True) as store:
        found = Status(
            fleet=store.fleet_state(), vms=store.vm_states(), hosts=store.host_states(), moving=read_progress(state)
        )
    if as_json:
        print_json(found)
    else:
        _print(found)
    sys.exit(0 if _is_good(found) else EXIT_TROUBLE)


def _is_good(found: Status) -> bool:
    good = (ConditionType.READY, ConditionType.SUSPENDED)
    conditions = [condition for vm in found.vms.values() for condition in vm.conditions]
    if found.fleet.condition is not None:
        conditions.append(found.fleet.condition)
    reachable = all(host.reachable for host in found.hosts.values())
    return reachable and all(condition.type in good for condition in conditions)


def _print(found: Status) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160, markup=False, highlight=False)
    _print_fleet(console, found.fleet)
    hosts = Table("host", "reachable", "maintenance", "VMs", box=None, header_style="bold")
    for host in sorted(found.hosts.values(), key=lambda host: host.name):
        hosts.add_row(host.name, _reachable(host), _maintenance(host), " ".join(host.vms))
    console.print(hosts)
    for host in found.hosts.values():
        if host.remedy:
            _print_remedy(console, f"{host.name}: {host.reason}", host.remedy)
    vms = Table("VM", "host", "power", "condition", "last move", "downtime", box=None, header_style="bold")
    for vm in sorted(found.vms.values(), key=lambda vm: vm.name):
        vms.add_row(vm.name, vm.host or "?", vm.power or "?", _conditions(vm), *_last(vm))
    console.print(vms)
    for vm in found.vms.values():
        for condition in vm.conditions:
            if condition.type is not ConditionType.READY:
                _print_remedy(console, f"{vm.name}: {condition.message}", condition.remedy)
    for one in found.moving:
        console.print(progress(one), highlight=False, markup=False)


def _print_remedy(console: Console, trouble: str, remedy: str) -> None:
    console.print(trouble, highlight=False, markup=False)
    if remedy:
        console.print(f"    remedy: {remedy}", highlight=False, markup=False)


def _print_fleet(console: Console, fleet: FleetState) -> None:
    said = fleet.condition
    if said is not None:
        text = f"specs: {said.type} ({said.reason}) {said.message} [revision {fleet.revision[:10] or '-'}]"
        console.print(text, highlight=False, markup=False)
    for problem in fleet.problems:
        _print_remedy(console, f"  {problem.place or 'source'}: {problem.message}", problem.remedy)


def _reachable(host: HostState) -> str:
    if host.reachable:
        return "yes"
    return f"NO: {host.reason}" + (" (called only now and then)" if host.resting else "")


def _maintenance(host: HostState) -> str:
    if not host.maintenance:
        return "-"
    return "drained" if host.drained else f"draining: {', '.join(host.remaining) or 'moves under way'}"


def _conditions(vm: VmState) -> str:
    return ", ".join(f"{condition.type} ({condition.reason})" for condition in vm.conditions)


def _last(vm: VmState) -> tuple[str, str]:
    last = vm.last_migration
    if last is None:
        return "-", "-"
    figure = "-" if last.downtime_ms is None else f"{last.downtime_ms:.0f} ms"
    return f"{last.source} -> {last.destination} ({last.method}) {last.outcome}", figure
