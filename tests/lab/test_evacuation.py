"""A commit empties a host for maintenance; reverting it brings everything home."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from daemon_run import DaemonRun
from running import RunningLab

from ferryman.planning.decisions import StallReason
from ferryman.planning.plans import Cause
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.state.states import ConditionType
from ferryman.specs.choices import Method


def overlap(first: MigrationRecord, second: MigrationRecord) -> bool:
    """Whether both were under way at the same time."""
    return first.started_at < second.finished_at and second.started_at < first.finished_at


def gather(daemon: DaemonRun, vms: tuple[str, ...], host: str) -> None:
    """Commit one home for all of these VMs, and wait until they are there."""
    for vm in vms:
        daemon.specs.place(vm, host)
    for vm in vms:
        daemon.until_in_place(vm, host)


def is_drained(daemon: DaemonRun, host: str) -> bool:
    """Whether the state folder says that the host may be taken down."""
    state = daemon.host(host)
    return state is not None and state.drained


def test_a_host_is_emptied_live_within_limits_and_filled_again(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    ill, chosen, _ = lab.hosts
    *movable, stuck = three
    daemon = daemon_for(*three)
    for vm in three:
        allowed = f'["{chosen}"]' if vm != stuck else "[]"
        daemon.specs.append(f"vms/{vm}.toml", f"\n[placement]\nhosts = {allowed}\n")
    daemon.specs.commit("Where they may stay")
    with daemon.running():
        gather(daemon, three, ill)
        gathered = len(daemon.records())
        counters = {vm: lab.wait_until_ready(vm) for vm in three}
        maintenance = daemon.specs.maintain(ill)

        for vm in movable:
            daemon.until_in_place(vm, chosen)
        said = daemon.until_said(stuck, ConditionType.STALLED, StallReason.NO_PLACE)
        assert "[placement] does not name it" in said.message
        assert "[placement] hosts" in said.remedy
        assert lab.whereabouts(stuck) == {ill: "running"}
        host = daemon.host(ill)
        assert host is not None
        assert (host.maintenance, host.drained, host.remaining) == (True, False, (stuck,))
        assert daemon.ferryman("status").returncode == 1

        daemon.specs.replace(f"vms/{stuck}.toml", "hosts = []", f'hosts = ["{chosen}"]')
        daemon.specs.commit("It may stay there too")
        daemon.until_in_place(stuck, chosen)
        daemon.until(lambda: is_drained(daemon, ill), f"{ill} is drained")
        assert all(lab.whereabouts(vm) == {chosen: "running"} for vm in three)
        assert daemon.ferryman("status").returncode == 0

        daemon.specs.git("revert", "--no-edit", maintenance)
        for vm in three:
            daemon.until_in_place(vm, ill)
        daemon.until(lambda: not is_drained(daemon, ill), f"{ill} is in service")
    assert all(lab.whereabouts(vm) == {ill: "running"} for vm in three)
    assert all(lab.wait_until_ready(vm) > counters[vm] for vm in three)
    check(daemon.records()[gathered:], moves=2 * len(three))


def check(records: list[MigrationRecord], moves: int) -> None:
    """Out and home again, all live; never two at a time, because a host sends and takes one by default."""
    assert [record.outcome for record in records] == [Outcome.SUCCEEDED] * moves
    assert {record.method for record in records} == {Method.LIVE}
    causes = [record.cause.kind for record in records]
    assert causes == [Cause.EVACUATION] * (moves // 2) + [Cause.RETURN] * (moves // 2)
    assert not [pair for pair in combinations(records, 2) if overlap(*pair)]
