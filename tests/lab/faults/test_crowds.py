"""Many VMs that want to move at once: one's trouble is not another's, and who was only queued was not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import fault_processes, faults
from ferryman.planning.decisions import WaitReason
from ferryman.records.audit.record import Outcome
from ferryman.records.progress_files import read_progress

pytestmark = pytest.mark.soak

_CROWD, _AT_ONCE = 25, 6
_DISK_MIB = 16
_WITHIN_S = 240.0
_SLOW_MBIT_S = 40


@pytest.fixture
def crowd(lab: RunningLab) -> Iterator[tuple[str, ...]]:
    """Guests that are off, all on the first host."""
    names = tuple(f"crowd-{number:02}" for number in range(_CROWD))
    for name in names:
        lab.add_guest(name, lab.hosts[0], off=True, disk_mib=_DISK_MIB)
    yield names
    for name in names:
        lab.remove_guest(name)


def test_of_twenty_five_the_one_whose_host_hangs_waits_and_the_others_finish(
    lab: RunningLab, crowd: tuple[str, ...], daemon_for: Callable[..., DaemonRun]
) -> None:
    home, away, hangs = lab.hosts
    unlucky, *others = crowd
    daemon = daemon_for(*crowd)
    daemon.specs.replace("fleet.toml", "migrations = 2", f"migrations = {_AT_ONCE}")
    for host in lab.hosts:
        daemon.specs.append(f"hosts/{host}.toml", f"\n[limits]\noutgoing = {_AT_ONCE}\nincoming = {_AT_ONCE}\n")
    daemon.specs.commit("Several at once")
    with daemon.running("--rescan-s=2"):
        for vm in crowd:
            daemon.until_in_place(vm, home)
        fault_processes.stall_daemon(lab.ledger, hangs)
        try:
            for vm in crowd:
                wanted = hangs if vm == unlucky else away
                daemon.specs.replace(f"vms/{vm}.toml", f'host = "{home}"', f'host = "{wanted}"')
            daemon.specs.commit("All of them move")
            for vm in others:
                daemon.until_in_place(vm, away, _WITHIN_S)
            said = daemon.until_reason(unlucky, WaitReason.HOST_UNREACHABLE)
            assert hangs in said.message
            assert said.remedy
            assert lab.virsh(home, "domstate", unlucky).strip() == "shut off"
        finally:
            fault_processes.wake(lab.ledger, hangs)
        daemon.until_in_place(unlucky, hangs, _WITHIN_S)
    assert [record.outcome for record in daemon.records()] == [Outcome.SUCCEEDED] * _CROWD
    assert all(lab.whereabouts(vm) == {away: "shut off"} for vm in others)


def test_a_queued_move_that_is_cancelled_leaves_nothing_on_either_host(
    lab: RunningLab, three: tuple[str, ...], daemon_for: Callable[..., DaemonRun]
) -> None:
    first, queued = three[:2]
    daemon = daemon_for(first, queued)
    (home,) = lab.whereabouts(first)
    away = next(host for host in lab.hosts if host != home)
    with daemon.running("--rescan-s=2"):
        daemon.specs.place(queued, home)
        daemon.until_in_place(queued, home)
        lab.tidy(queued)
        recorded, counter = len(daemon.records(queued)), lab.wait_until_ready(queued)
        faults.narrow(lab.ledger, away, _SLOW_MBIT_S)
        try:
            daemon.specs.move(first, away)
            daemon.until(lambda: any(one.vm == first for one in read_progress(daemon.state)), f"{first} moves")
            both = daemon.specs.move(queued, away)
            daemon.until_reason(queued, WaitReason.LIMIT)
            daemon.specs.git("revert", "--no-edit", both)
            daemon.until_in_place(queued, home)
        finally:
            faults.widen(lab.ledger, away)
        daemon.until_in_place(first, away)
    assert lab.whereabouts(queued) == {home: "running"}
    assert lab.disks(queued) == {home}
    assert len(daemon.records(queued)) == recorded
    assert lab.wait_until_ready(queued) > counter
