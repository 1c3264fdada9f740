"""`auto` by prediction: who writes little goes live; who writes much does not go live over a link that is narrow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import faults
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.rates import read_rates
from ferryman.records.state.states import ConditionType
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

QUIET, BUSY = "quiet", "busy"
MBIT, CAP_MIB_S = 200, 20
"""The cap leaves a little of the link to the probe: otherwise its losses would be taken for the guest's."""
PROMISE_MS = 1500
QUIET_WITHIN_MS = 250
"""How far the quiet guest's prediction may be off."""
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def home(lab: RunningLab) -> Iterator[str]:
    """Holds a guest that writes next to nothing and one that rewrites 40 MiB for ever; one of the hosts is hard to
    reach.
    """
    home = lab.hosts[0]
    lab.add_guest(QUIET, home, disk_mib=16)
    lab.add_guest(BUSY, home, disk_mib=16, memory_mib=160, dirty_mib=40)
    faults.narrow(lab.ledger, lab.hosts[1], MBIT)
    yield home
    faults.widen(lab.ledger, lab.hosts[1])
    for name in (QUIET, BUSY):
        lab.remove_guest(name)


def promising(daemon: DaemonRun, vm: str, allow: list[Method]) -> None:
    """Write into the VM's spec what it promises, and what may be done for that."""
    daemon.specs.replace(
        f"vms/{vm}.toml",
        'allow = ["live"]',
        f"allow = {json.dumps([method.value for method in allow])}\nmax_downtime_ms = {PROMISE_MS}",
    )


def plan(daemon: DaemonRun) -> dict[str, dict[str, object]]:
    """What `ferryman plan` decides, by VM."""
    done = daemon.ferryman("plan", "--json", "--specs", str(daemon.specs.folder))
    decisions: dict[str, dict[str, object]] = json.loads(done.stdout)["decisions"]
    return decisions


def chosen(record: MigrationRecord) -> float:
    """The predicted downtime of the method that was taken."""
    (figure,) = [one.downtime_ms for one in record.predictions if one.chosen]
    assert figure is not None
    return figure


def test_by_prediction(home: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]) -> None:
    _, narrow, wide = lab.hosts
    counters = {name: lab.counter(name) for name in (QUIET, BUSY)}
    daemon = daemon_for(QUIET, BUSY)
    promising(daemon, QUIET, [Method.LIVE, Method.POST_COPY])
    promising(daemon, BUSY, [Method.LIVE])
    daemon.specs.append(f"hosts/{home}.toml", f"\n[limits]\nlinks_mib_s = {{ {narrow} = {CAP_MIB_S} }}\n")
    daemon.specs.commit("Promises, and what the link carries")
    with daemon.running():
        daemon.until(lambda: len(read_rates(daemon.state)) == 2, "both were watched")
        daemon.specs.move(QUIET, wide)
        daemon.until_in_place(QUIET, wide)

        daemon.specs.move(BUSY, narrow)
        stalled = daemon.until_said(BUSY, ConditionType.STALLED, "PromiseWouldBreak")
        preview = plan(daemon)[BUSY]
        assert lab.whereabouts(BUSY) == {home: "running"}

        daemon.specs.replace(f"vms/{BUSY}.toml", '["live"]', '["live", "post-copy"]')
        daemon.specs.commit("It may be moved by post-copy")
        daemon.until_in_place(BUSY, narrow)

    quiet, busy = daemon.records()
    assert (quiet.outcome, quiet.method) == (Outcome.SUCCEEDED, Method.LIVE)
    assert quiet.transfer.memory_bytes_s
    assert quiet.prediction_error_ms is not None
    assert abs(quiet.prediction_error_ms) <= QUIET_WITHIN_MS

    assert f"its spec promises {PROMISE_MS:,} ms" in stalled.message
    assert "it writes" in stalled.message
    assert stalled.remedy
    assert (preview["kind"], preview["reason"]) == ("refused", "PromiseWouldBreak")

    assert (busy.outcome, busy.method) == (Outcome.SUCCEEDED, Method.POST_COPY)
    (live,) = busy.rejected
    assert live.method is Method.LIVE
    assert "it writes" in live.reason
    assert chosen(busy) < PROMISE_MS
    for name, before in counters.items():
        assert lab.wait_until_ready(name) >= before
