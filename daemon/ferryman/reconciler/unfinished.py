"""Moves that no thread is at work on: which are taken up, and what is said of the others. Pure."""

from __future__ import annotations

from collections.abc import Collection

from ferryman.fleet.values import MigrationSide, Power, Snapshot
from ferryman.planning.decisions import Refused, StallReason, Wait, WaitReason
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.records.journal.entry import JournalEntry
from ferryman.records.state.conditions import InFlight


def obstacle(entry: JournalEntry, hosts: Collection[str], snapshot: Snapshot) -> Wait | Refused | None:
    """Why an open move is not taken up now; None: it is. `hosts`: those of the specs."""
    vm = entry.vm
    way = f"its move {entry.source} -> {entry.destination} was interrupted at step {entry.step}"
    gone = {entry.source, entry.destination} - set(hosts)
    if gone:
        return stuck(
            vm,
            f"{way}; {' and '.join(sorted(gone))} left the specs",
            f"Bring the host's spec back: ferryman then goes on by itself. Or see where its newest disks are, and end "
            f"the move as it is: ferryman recover {vm} --forget",
        )
    for host in (entry.source, entry.destination):
        if snapshot.reading(host) is None:
            silent = snapshot.unreachable()[host]
            return Wait(
                vm=vm,
                reason=WaitReason.HOST_UNREACHABLE,
                message=f"{way}, and waits for {host}: {silent.reason}",
                remedy=f"{silent.remedy} ferryman then goes on by itself; how it stands: ferryman recover {vm}",
            )
        if (swapped := _swapped(entry, host, snapshot)) is not None:
            return swapped
        if _goes_down(entry.uuid, snapshot, host):
            return Wait(
                vm=vm,
                reason=WaitReason.CHANGING,
                message=f"{way}, and waits for the guest, which is shutting down on {host}",
                remedy=f"ferryman goes on by itself once it is off. If it never is, on {host}: virsh destroy {vm}",
            )
    return None


def _swapped(entry: JournalEntry, host: str, snapshot: Snapshot) -> Refused | None:
    """Where another machine bears the host's name than when the move began."""
    began_on, reading = entry.machine(host), snapshot.reading(host)
    if not began_on or reading is None or reading.uuid == began_on:
        return None
    return stuck(
        entry.vm,
        f"its move {entry.source} -> {entry.destination} was interrupted at step {entry.step}; {host} is now another "
        f"machine (host UUID {reading.uuid}) than the one that it began with ({began_on}), whose state is not known",
        f"Correct `uri` in the spec of {host}: ferryman then goes on by itself. If the machine was replaced, see where "
        f"the newest disks are, and end the move as it is: ferryman recover {entry.vm} --forget",
    )


def resting(entry: JournalEntry) -> Wait:
    """Its hosts answer, and yet it came to no end: others have its slot for a while."""
    vm = entry.vm
    return Wait(
        vm=vm,
        reason=WaitReason.CHANGING,
        message=f"its move {entry.source} -> {entry.destination} is open ({entry.step}), and is taken up again soon",
        remedy=f"See whether both answer about it (virsh domstate {vm}); how it stands: ferryman recover {vm}",
    )


def _goes_down(uuid: str, snapshot: Snapshot, host: str) -> bool:
    """Its QEMU is ending, and may take for ever: a process that cannot be killed does."""
    reading = snapshot.reading(host)
    domains = reading.domains.values() if reading else ()
    return any(domain.uuid == uuid and domain.power is Power.SHUTTING_DOWN for domain in domains)


def stuck(vm: str, reason: str, remedy: str) -> Refused:
    """Nothing is done to the VM before a person has seen to it."""
    finding = Finding(code=FindingCode.HELD, severity=Severity.BLOCKER, reason=reason, remedy=remedy)
    return Refused(vm=vm, reason=StallReason.HELD, findings=(finding,))


def damaged(vm: str) -> Refused:
    """Its journal entry cannot be read: what was done to it is not known."""
    return stuck(
        vm,
        "its journal entry cannot be read",
        f"See how it stands: ferryman recover {vm}; leave one definition and one running copy (virsh list --all on "
        f"every host); then: ferryman recover {vm} --accept",
    )


def doubts(vm: str, snapshot: Snapshot) -> tuple[str, ...]:
    """What stands against going on with a VM of whose last move nothing is known; nothing: it is in one whole place."""
    silent = [f"{host} does not answer" for host in sorted(snapshot.unreachable())]
    holders = snapshot.holders(vm)
    if not holders:
        return (*silent, "no host has it")
    if len(holders) > 1:
        return (*silent, f"several hosts have it: {', '.join(sorted(holders))}")
    host, domain = next(iter(holders.items()))
    if domain.post_copy or domain.migration_side is not MigrationSide.NONE:
        return (*silent, f"it is one end of a migration on {host}")
    return tuple(silent)


def in_flight(entry: JournalEntry) -> InFlight:
    """What is said of a VM whose move was taken up."""
    return InFlight(
        vm=entry.vm,
        source=entry.source,
        destination=entry.destination,
        method=entry.method,
        why=entry.why,
        revision=entry.cause.revision,
    )
