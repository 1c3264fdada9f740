"""First step of a decision, from cheap readings alone: does the VM have to move, and where could it go?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.fleet.values import Domain, MigrationSide, Power, Snapshot
from ferryman.planning.decisions import Drifted, Refused, StallReason, UpToDate, Wait, WaitReason
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.placement import Fleet, Place, places, refusals
from ferryman.planning.plans import Cause
from ferryman.specs.choices import DriftPolicy
from ferryman.specs.vm_spec import VmSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPlaced:
    """Where ferryman last saw the VM converged: the middle of the three-way comparison that finds drift."""

    home: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """The VM has to move; preflight has not looked yet."""

    vm: str
    domain: Domain
    source: str
    destinations: tuple[str, ...]
    """Where it may go, best first; never empty."""
    cause: Cause
    why: str


def aim(
    spec: VmSpec, fleet: Fleet, snapshot: Snapshot, placed: LastPlaced | None
) -> Aim | UpToDate | Wait | Refused | Drifted:
    """Compare what is wanted, what was last applied and what is observed."""
    found = locate(spec.name, snapshot)
    if not isinstance(found, Place):
        return found
    home = fleet.hosts[spec.host]
    if home.maintenance:
        return _while_home_is_in_maintenance(spec, fleet, snapshot, found)
    if found.host == home.name:
        return UpToDate(vm=spec.name, host=found.host)
    cause = _cause(spec, fleet, placed, found.host)
    if cause is None:
        return Drifted(vm=spec.name, expected=placed.host if placed else home.name, found=found.host)
    return _towards(spec, snapshot, found, (home.name,), cause, _WHY[cause].format(home=home.name, found=found.host))


def locate(vm: str, snapshot: Snapshot) -> Place | Wait | Refused:
    """The one host that has the VM, in a state in which it can be moved."""
    holders = snapshot.holders(vm)
    if len(holders) > 1:
        return _on_several(vm, holders)
    if not holders:
        return _nowhere(vm, snapshot)
    host, domain = next(iter(holders.items()))
    if domain.migration_side is MigrationSide.UNKNOWN:
        return _stuck(vm, host)
    if domain.migration_side is not MigrationSide.NONE:
        return Wait(
            vm=vm,
            reason=WaitReason.MIGRATING_ELSEWHERE,
            message=f"{host} is migrating it, and ferryman did not ask for that",
            remedy=_NOT_OURS.format(vm=vm),
        )
    match domain.power:
        case Power.RUNNING | Power.SHUT_OFF:
            return Place(host=host, domain=domain)
        case Power.SHUTTING_DOWN:
            return Wait(vm=vm, reason=WaitReason.CHANGING, message=f"it is shutting down on {host}")
        case Power.PAUSED | Power.CRASHED:
            return _refused(
                vm,
                StallReason.PREFLIGHT,
                FindingCode.POWER,
                f"it is {domain.power} on {host}",
                f"Resume it (virsh resume {vm}) or shut it off (virsh destroy {vm}) on {host}.",
            )


_WHY = {
    Cause.SPEC: "its spec wants it on {home}",
    Cause.RETURN: "its home {home} is out of maintenance",
    Cause.EVACUATION: "{found} is in maintenance; its home is {home}",
    Cause.DRIFT: 'it was moved to {found} by somebody else, and its spec says drift = "correct"',
}


def _cause(spec: VmSpec, fleet: Fleet, placed: LastPlaced | None, found: str) -> Cause | None:
    """Why it has to go home; None: somebody else moved it, and that is only to be reported."""
    if placed is None or placed.home != spec.host:
        return Cause.SPEC
    if placed.host == found:
        return Cause.RETURN
    if fleet.hosts[found].maintenance:
        return Cause.EVACUATION
    return Cause.DRIFT if spec.drift is DriftPolicy.CORRECT else None


def _while_home_is_in_maintenance(
    spec: VmSpec, fleet: Fleet, snapshot: Snapshot, found: Place
) -> Aim | UpToDate | Wait | Refused:
    if not fleet.hosts[found.host].maintenance:
        message = f"it stays on {found.host} while its home {spec.host} is in maintenance"
        return UpToDate(vm=spec.name, host=found.host, message=message)
    candidates = places(spec, fleet, snapshot, found)
    if not candidates:
        return Refused(
            vm=spec.name,
            reason=StallReason.NO_PLACE,
            findings=refusals(spec, fleet, snapshot, found),
            cause=Cause.EVACUATION,
        )
    why = f"{found.host} is in maintenance; {candidates[0]} has the most free memory of the hosts that its spec allows"
    return _towards(spec, snapshot, found, candidates, Cause.EVACUATION, why)


def _towards(
    spec: VmSpec, snapshot: Snapshot, found: Place, destinations: tuple[str, ...], cause: Cause, why: str
) -> Aim | Wait:
    """Never two running copies: a destination that cannot be read is no destination."""
    readable = tuple(host for host in destinations if snapshot.reading(host) is not None)
    if readable:
        return Aim(vm=spec.name, domain=found.domain, source=found.host, destinations=readable, cause=cause, why=why)
    blocked = snapshot.unreachable()[destinations[0]]
    return Wait(
        vm=spec.name,
        reason=WaitReason.HOST_UNREACHABLE,
        message=f"{why}, but {blocked.reason}",
        remedy=blocked.remedy,
    )


def _nowhere(vm: str, snapshot: Snapshot) -> Wait | Refused:
    missing = snapshot.unreachable()
    if missing:
        first = next(iter(missing.values()))
        message = f"it is on no host that can be read; unreachable: {', '.join(sorted(missing))} ({first.reason})"
        return Wait(vm=vm, reason=WaitReason.HOST_UNREACHABLE, message=message, remedy=first.remedy)
    return _refused(
        vm,
        StallReason.NOT_FOUND,
        FindingCode.VM_MISSING,
        "no host of the fleet has a VM of this name",
        "Define it on its host first (ferryman moves VMs, it does not create them), or correct `name`.",
    )


def _stuck(vm: str, host: str) -> Wait:
    return Wait(
        vm=vm,
        reason=WaitReason.CHANGING,
        message=f"libvirt on {host} waits for its QEMU, and says nothing of it meanwhile",
        remedy=f"See what it waits for: virsh domcontrol {vm} (on {host}); if it never ends: virsh destroy {vm}",
    )


_NOT_OURS = "Wait for its end (virsh domjobinfo {vm}), or cancel it: virsh domjobabort {vm} (both on its source)"


def _on_several(vm: str, holders: Mapping[str, Domain]) -> Wait | Refused:
    where = " and ".join(f"{host} ({domain.power})" for host, domain in sorted(holders.items()))
    stuck = [host for host, domain in sorted(holders.items()) if domain.migration_side is MigrationSide.UNKNOWN]
    if stuck:
        return _stuck(vm, stuck[0])
    if any(domain.migration_side is not MigrationSide.NONE for domain in holders.values()):
        return Wait(
            vm=vm,
            reason=WaitReason.MIGRATING_ELSEWHERE,
            message=f"it is being migrated, and ferryman did not ask for that: {where}",
            remedy=_NOT_OURS.format(vm=vm),
        )
    if len({domain.uuid for domain in holders.values()}) > 1:
        named = " and ".join(f"{host} ({domain.uuid})" for host, domain in sorted(holders.items()))
        return _refused(
            vm,
            StallReason.ON_TWO_HOSTS,
            FindingCode.NAME_TAKEN,
            f"two different VMs have this name: {named}; nothing is touched",
            f"Rename the one that the spec does not mean, while it is off: virsh -c URI domrename {vm} OTHER-NAME",
        )
    running = [host for host, domain in holders.items() if domain.power is Power.RUNNING]
    if len(running) > 1:
        return _refused(
            vm,
            StallReason.RUNNING_TWICE,
            FindingCode.RUNNING_TWICE,
            f"it RUNS ON TWO HOSTS: {where}; nothing is touched",
            "Decide which copy is the right one, and at once stop the other: virsh -c URI destroy " + vm,
        )
    spare = next((host for host in sorted(holders) if host not in running), "HOST")
    return _refused(
        vm,
        StallReason.ON_TWO_HOSTS,
        FindingCode.ON_TWO_HOSTS,
        f"it is defined on two hosts: {where}",
        f"Remove the definition that is not wanted, for instance on {spare}: virsh -c URI undefine {vm} --keep-nvram",
    )


def _refused(vm: str, reason: StallReason, code: FindingCode, message: str, remedy: str) -> Refused:
    finding = Finding(code=code, severity=Severity.BLOCKER, reason=message, remedy=remedy)
    return Refused(vm=vm, reason=reason, findings=(finding,))
