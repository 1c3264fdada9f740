"""Hosts that hang or are gone, daemons that stand by, moves that a person brings to their end: without a restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab
from test_restart import is_in_phase, other_than

from ferryman.lab import faults
from ferryman.records.audit.record import Outcome
from ferryman.records.journal.entry import Step
from ferryman.records.journal.journal import Journal
from ferryman.records.state.states import ConditionType

pytestmark = pytest.mark.soak

_SLOW_MBIT_S = 30
_PID = "/run/libvirtd.pid"


@pytest.fixture
def harm(lab: RunningLab) -> Iterator[Callable[..., None]]:
    """Signals a host's libvirtd, narrows its link or cuts it; all of it ends with the test."""
    harmed: set[str] = set()

    def do(host: str, *, signal: str = "", mbit_s: int = 0, cut: bool = False) -> None:
        harmed.add(host)
        if signal:
            lab.ledger.namespace(host).run("sh", "-c", f"kill -{signal} $(cat {_PID})")
        if mbit_s:
            faults.narrow(lab.ledger, host, mbit_s)
        if cut:
            faults.cut(lab.ledger, host)

    yield do
    for host in harmed:
        lab.ledger.namespace(host).run("sh", "-c", f"kill -CONT $(cat {_PID})")
        faults.heal(lab.ledger, host)
        faults.widen(lab.ledger, host)


def test_a_libvirtd_that_hangs_costs_only_its_own_vms(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun], harm: Callable[..., None]
) -> None:
    homes = {vm: next(iter(lab.whereabouts(vm))) for vm in three}
    vm = three[0]
    hung = next(host for host in lab.hosts if host != homes[vm])
    free = next(host for host in lab.hosts if host not in (homes[vm], hung))
    daemon = daemon_for(*three)
    with daemon.running():
        daemon.until_in_place(vm, homes[vm])
        harm(hung, signal="STOP")
        daemon.specs.move(vm, free)
        daemon.until_in_place(vm, free)
        daemon.until(lambda: _rests(daemon, hung), f"{hung} rests", within_s=120)
        daemon.specs.move(vm, homes[vm])
        daemon.until_in_place(vm, homes[vm])
        harm(hung, signal="CONT")
        daemon.until(lambda: _answers(daemon, hung), f"{hung} is found again", within_s=90)
    assert daemon.ferryman("status").returncode == 0


def test_a_move_whose_destination_is_gone_keeps_no_slot_and_is_taken_up_when_it_is_back(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun], harm: Callable[..., None]
) -> None:
    vm, other = three[:2]
    homes = {one: next(iter(lab.whereabouts(one))) for one in (vm, other)}
    gone = next(host for host in lab.hosts if host not in homes.values())
    daemon = daemon_for(vm, other)
    daemon.specs.replace("fleet.toml", "migrations = 2", "migrations = 1")
    before = lab.wait_until_ready(vm)
    with daemon.running():
        daemon.until_in_place(vm, homes[vm])
        harm(gone, mbit_s=_SLOW_MBIT_S)
        daemon.specs.move(vm, gone)
        daemon.until(lambda: is_in_phase(daemon, vm, "copying memory"), "memory is being copied")
        harm(gone, cut=True)
        daemon.specs.move(other, homes[vm])
        daemon.until_in_place(other, homes[vm], within_s=150)
        assert daemon.until_said(vm, ConditionType.RECONCILING, "HostUnreachable").remedy
        shown = json.loads(_recover(daemon, vm, "--json"))
        assert (shown["attempt"], shown["situation"]["ruling"]["action"]) == ("open", "wait-for-host")
        assert lab.whereabouts(vm)[homes[vm]] == "running"
        faults.heal(lab.ledger, gone)
        faults.widen(lab.ledger, gone)
        daemon.until_in_place(vm, gone, within_s=150)
    assert lab.whereabouts(vm) == {gone: "running"}
    assert lab.wait_until_ready(vm) > before
    assert [record.outcome for record in daemon.records(vm)] == [Outcome.FAILED, Outcome.SUCCEEDED]
    assert daemon.records(vm)[0].recovered


def test_a_damaged_journal_is_solved_while_the_daemon_runs_and_a_second_one_takes_over(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    vm = three[2]
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    daemon = daemon_for(vm)
    second = DaemonRun(lab=lab, specs=daemon.specs, state=daemon.state, log=daemon.log.with_name("second.log"))
    daemon.start()
    daemon.until_in_place(vm, home)
    with second.running():
        second.until(
            lambda: "observing only: Another ferryman (process " in second.log_text(), "it says that it observes"
        )
        (daemon.state / "journal").mkdir(exist_ok=True)
        (daemon.state / "journal" / f"{vm}.toml").write_text("id = ")
        daemon.specs.move(vm, away)
        daemon.until_said(vm, ConditionType.STALLED, "HeldForPerson")
        assert "granted" in _recover(daemon, vm, "--accept")
        daemon.until_in_place(vm, away)
        daemon.kill()
        second.until(lambda: "taking over" in second.log_text(), "it takes over")
        second.specs.move(vm, home)
        second.until_in_place(vm, home)
    assert lab.whereabouts(vm) == {home: "running"}


def test_without_a_daemon_the_command_settles_what_a_killed_one_left(
    three: tuple[str, ...], lab: RunningLab, daemon_for: Callable[..., DaemonRun], harm: Callable[..., None]
) -> None:
    vm = three[0]
    (home,) = lab.whereabouts(vm)
    away = other_than(lab, home)
    daemon = daemon_for(vm)
    daemon.start()
    daemon.until_in_place(vm, home)
    harm(away, mbit_s=_SLOW_MBIT_S)
    daemon.specs.move(vm, away)
    daemon.until(lambda: is_in_phase(daemon, vm, "copying memory"), "memory is being copied")
    daemon.kill()
    (entry,) = Journal(daemon.state).entries()
    assert entry.step is Step.TRANSFERRING
    shown = _recover(daemon, vm)
    assert "a migration job is active" in shown
    assert "next step  wait-for-job" in shown
    faults.widen(lab.ledger, away)
    assert "succeeded" in _recover(daemon, vm, "--accept")
    assert lab.whereabouts(vm) == {away: "running"}
    assert Journal(daemon.state).entries() == ()


def _recover(daemon: DaemonRun, vm: str, *options: str) -> str:
    done = daemon.ferryman("recover", vm, "--specs", str(daemon.specs.folder), *options)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def _rests(daemon: DaemonRun, host: str) -> bool:
    state = daemon.host(host)
    return state is not None and state.resting


def _answers(daemon: DaemonRun, host: str) -> bool:
    state = daemon.host(host)
    return state is not None and state.reachable
