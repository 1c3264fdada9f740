"""What a run is to be, from what was asked and what is so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ferryman.benching.moving import BenchError
from ferryman.benching.values import BenchRun
from ferryman.specs.choices import Method
from ferryman.specs.loading import Specs
from ferryman.specs.vm_spec import VmSpec


def spec_of(specs: Specs, vm: str) -> VmSpec:
    """The VM's spec. Raises BenchError where it has none that can be used."""
    if vm in specs.stalled:
        problem = specs.stalled[vm][0]
        raise BenchError(f"{problem.place}: {problem.message}", problem.remedy)
    if vm not in specs.vms:
        raise BenchError(
            f"{vm} has no spec.", f"Bench one that has: {', '.join(sorted(specs.vms)) or 'there is none yet'}"
        )
    if specs.vms[vm].suspend:
        raise BenchError(f"{vm}'s spec says suspend = true.", "Commit suspend = false, or bench another VM.")
    return specs.vms[vm]


def begin(
    specs: Specs,
    vm: str,
    *,
    at: str,
    between: tuple[str, str] | None,
    methods: Sequence[Method],
    iterations: int,
    now: datetime,
) -> BenchRun:
    """A run of a VM that is `at` a host. Raises BenchError, with what to do, where it cannot be."""
    spec = spec_of(specs, vm)
    may_be_powered_off(spec, methods)
    if at != spec.host:
        raise BenchError(
            f"{vm} is on {at}, and its spec wants it on {spec.host}.", "Have it in place first: ferryman run --once"
        )
    return BenchRun(
        vm=vm,
        home=at,
        away=_away(specs, at, between),
        methods=tuple(dict.fromkeys(methods)),
        iterations=iterations,
        started_at=now,
    )


def may_be_powered_off(spec: VmSpec, methods: Sequence[Method]) -> None:
    """A VM's promise holds in a bench, too: it is powered off only if its own spec allows cold."""
    if Method.COLD in methods and Method.COLD not in (spec.method, *spec.allow):
        allowed = ", ".join(f'"{method}"' for method in (*spec.allow, Method.COLD))
        raise BenchError(
            f"{spec.name}'s spec does not allow it to be powered off.",
            f"Commit allow = [{allowed}] in vms/{spec.name}.toml, and begin again.",
        )


def _away(specs: Specs, at: str, between: tuple[str, str] | None) -> str:
    if between is None:
        others = sorted(name for name, host in specs.hosts.items() if name != at and not host.maintenance)
        if len(others) != 1:
            choice = ", ".join(others) or "no other host is in service"
            raise BenchError(f"Which other host is not said (there are: {choice}).", f"Say so: --between {at} HOST")
        return others[0]
    unknown = [host for host in between if host not in specs.hosts]
    if unknown:
        raise BenchError(f"No host is called {unknown[0]}.", f"Name two of these: {', '.join(sorted(specs.hosts))}")
    if at not in between or between[0] == between[1]:
        raise BenchError(f"The VM is on {at}.", f"Name it and another host: --between {at} HOST")
    return between[0] if between[1] == at else between[1]
