"""Two daemons with a state folder each, as on two machines, and one lease: one acts, and when it is gone the other."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from copies import watched
from daemon_run import DaemonRun
from running import RunningLab
from test_restart import is_in_phase

from ferryman.lab import faults
from ferryman.records.audit.record import Outcome
from ferryman.records.journal.journal import Journal
from ferryman.records.lease.remote import REMOTE
from ferryman.records.lease.rules import LASTS_NS, RENEW_EVERY_S
from ferryman.records.state.states import ConditionType

pytestmark = pytest.mark.soak

_SLOW_MBIT_S = 8
"""A guest's disk and memory take longer than the lease lasts."""
_LASTS_S = LASTS_NS / 1_000_000_000
_TAKEN_WITHIN_S = _LASTS_S + 2 * RENEW_EVERY_S
"""After the holder's end: it wrote just before, that is seen one look later, and that it runs out one look later."""
_MOVES_WITHIN_S = 60.0


@pytest.fixture
def slow(lab: RunningLab) -> Iterator[Callable[[str], None]]:
    """Narrows the link of a host, until the test ends."""
    narrowed: list[str] = []

    def narrow(host: str) -> None:
        narrowed.append(host)
        faults.narrow(lab.ledger, host, _SLOW_MBIT_S)

    yield narrow
    for host in narrowed:
        faults.widen(lab.ledger, host)


@pytest.fixture
def lease(tmp_path: Path) -> Path:
    """The git repository that both machines reach."""
    repository = tmp_path / "lease.git"
    _git("init", "--quiet", "--bare", str(repository))
    return repository


def test_the_spare_goes_on_when_the_holder_is_killed_in_a_move(
    three: tuple[str, ...],
    lab: RunningLab,
    daemon_for: Callable[..., DaemonRun],
    slow: Callable[[str], None],
    lease: Path,
) -> None:
    vm, other = three[:2]
    homes = {one: next(iter(lab.whereabouts(one))) for one in (vm, other)}
    away = next(host for host in lab.hosts if host not in homes.values())
    beside = next(host for host in lab.hosts if host not in (away, homes[other]))
    counters = {one: lab.wait_until_ready(one) for one in (vm, other)}
    holder = _leasing(daemon_for(vm, other), lease)
    spare = _leasing(_on_another_machine(holder), lease)
    with watched(vm, lab), watched(other, lab):
        holder.start("--rescan-s=2")
        holder.until_in_place(vm, homes[vm])
        with spare.running("--rescan-s=2"):
            spare.until(lambda: "observing only: another daemon holds the lease" in spare.log_text(), "it observes")
            slow(away)
            holder.specs.move(vm, away)
            holder.until(lambda: is_in_phase(holder, vm, "copying memory"), "memory is being copied")
            holder.kill()
            killed_at_s = time.monotonic()
            (entry,) = Journal(holder.state).entries()
            spare.specs.move(other, beside)
            spare.until_in_place(other, beside, _TAKEN_WITHIN_S + _MOVES_WITHIN_S)
            # The holder wrote the lease at most so long before its end.
            assert time.monotonic() - killed_at_s > _LASTS_S - RENEW_EVERY_S
            assert lab.whereabouts(vm)[homes[vm]] == "running", "the move that the holder began is still under way"
            assert spare.records(vm) == []
            faults.widen(lab.ledger, away)
            # It arrived by itself. Whether what is left at home may go, the one knows that has the move in its journal.
            stalled = spare.until_said(vm, ConditionType.STALLED, "OnTwoHosts", _MOVES_WITHIN_S)
            assert f"undefine {vm} --keep-nvram" in stalled.remedy
            assert lab.whereabouts(vm) == {away: "running", homes[vm]: "shut off"}
        # The spare was stopped, and gave the lease up: the first machine is back, and ends its move.
        with holder.running("--rescan-s=2"):
            holder.until_in_place(vm, away, _MOVES_WITHIN_S)
            holder.until_in_place(other, beside, _MOVES_WITHIN_S)
    assert {one: lab.whereabouts(one) for one in (vm, other)} == {vm: {away: "running"}, other: {beside: "running"}}
    assert all(lab.wait_until_ready(one) > counter for one, counter in counters.items())
    assert [(one.id, one.vm, one.outcome) for one in holder.records()] == [(entry.id, vm, Outcome.SUCCEEDED)]
    assert [(one.vm, one.outcome) for one in spare.records()] == [(other, Outcome.SUCCEEDED)]
    assert Journal(holder.state).entries() == Journal(spare.state).entries() == ()


def _on_another_machine(daemon: DaemonRun) -> DaemonRun:
    folder = daemon.state.with_name("spare")
    return DaemonRun(lab=daemon.lab, specs=daemon.specs, state=folder, log=folder.with_suffix(".log"))


def _leasing(daemon: DaemonRun, lease: Path) -> DaemonRun:
    """As its user makes it: a git remote of the state repository."""
    _git("init", "--quiet", "--initial-branch=main", str(daemon.state))
    _git("-C", str(daemon.state), "remote", "add", REMOTE, str(lease))
    return daemon


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True)
