"""A guest that writes faster than its link carries: up the downtime ladder, and off its end as its spec says.

The guests are emulated, and climb it all the same: see `tracked_writes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tracked_writes
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import faults
from ferryman.planning.modes import SwitchOver
from ferryman.records.audit.record import MigrationRecord, Outcome, Verdict
from ferryman.records.audit.timeline import Mark
from ferryman.records.progress_files import read_progress
from ferryman.specs.choices import OnStall

pytestmark = pytest.mark.soak

VM = "climber"
LINK_MBIT_S = 40
HOT_MIB = 4
"""Rewritten for ever; it takes the link 0.8 s, and the guest less."""
PROMISE_MS = 200
_ENDS_WITHIN_S = 240.0


@pytest.fixture
def narrow(lab: RunningLab) -> Iterator[str]:
    """A host behind a narrow link."""
    host = lab.hosts[1]
    faults.narrow(lab.ledger, host, LINK_MBIT_S)
    yield host
    faults.widen(lab.ledger, host)


@pytest.fixture
def writer(lab: RunningLab) -> Iterator[str]:
    """A guest that never stops writing, on the first host."""
    lab.add_guest(VM, lab.hosts[0], dirty_mib=HOT_MIB, disk_mib=16)
    yield VM
    lab.remove_guest(VM)


@pytest.fixture
def daemon(writer: str, daemon_for: Callable[..., DaemonRun]) -> DaemonRun:
    """For which the guest's writes are tracked."""
    made = daemon_for(writer)
    made.program = (str(Path(tracked_writes.__file__).resolve()),)
    made.specs.replace(f"vms/{writer}.toml", 'method = "auto"', 'method = "live"')
    return made


def moved(daemon: DaemonRun, there: str, live: str, promise_ms: int = PROMISE_MS) -> MigrationRecord:
    """One attempt, to its end, whatever that is; its record."""
    begin(daemon, there, live, promise_ms)
    with daemon.running():
        daemon.until(lambda: bool(daemon.records(VM)), "it has ended", within_s=_ENDS_WITHIN_S)
    return the_record(daemon)


def begin(daemon: DaemonRun, there: str, live: str, promise_ms: int = PROMISE_MS) -> None:
    """Commit the move with these settings of `[live]`."""
    spec = f"vms/{VM}.toml"
    daemon.specs.replace(spec, 'method = "live"', f'method = "live"\nmax_downtime_ms = {promise_ms}')
    daemon.specs.append(spec, f"\n[live]\n{live}\n")
    daemon.specs.move(VM, there)


def the_record(daemon: DaemonRun) -> MigrationRecord:
    """Of the one attempt, on the ladder."""
    (record,) = daemon.records(VM)
    assert record.switch_over is SwitchOver.LADDER
    return record


def steered(record: MigrationRecord) -> list[str]:
    """What the hypervisor was told meanwhile, without how far the memory was: `50 ms`, ..., `abort`."""
    told = [entry.detail for entry in record.timeline if entry.mark is Mark.STEERED]
    return [one.removeprefix("a downtime of ").partition(" in pass ")[0] for one in told]


def passes(record: MigrationRecord) -> list[int]:
    """In which pass over the memory that was."""
    told = [entry.detail for entry in record.timeline if entry.mark is Mark.STEERED]
    return [int(found[1]) for one in told if (found := re.search(r"in pass (\d+)", one))]


def monitor(lab: RunningLab, host: str, command: str) -> Any:
    """What QEMU's own monitor answers."""
    answer = lab.virsh(host, "qemu-monitor-command", VM, json.dumps({"execute": command}))
    return json.loads(answer)["return"]


def shown(daemon: DaemonRun) -> int:
    """The pass over memory that is under way."""
    return next((one.iteration or 0 for one in read_progress(daemon.state) if one.vm == VM), 0)


@pytest.mark.parametrize("on_stall", OnStall)
def test_a_guest_that_stalls_at_every_step_ends_as_its_spec_says(
    on_stall: OnStall, daemon: DaemonRun, narrow: str, lab: RunningLab
) -> None:
    home = lab.hosts[0]
    before = lab.wait_until_ready(VM)
    record = moved(daemon, narrow, f'on_stall = "{on_stall}"')
    assert steered(record) == ["50 ms", "100 ms", "200 ms", on_stall.value]
    assert sorted(passes(record)) == passes(record)
    # Two that stalled for each of the four limits.
    assert passes(record)[-1] > 2 * 4
    if on_stall is OnStall.ABORT:
        assert (record.outcome, lab.whereabouts(VM)) == (Outcome.FAILED, {home: "running"})
        assert "writes faster than the link carries" in record.reason
        assert "on_stall" in record.remedy
        assert not lab.disk(VM, narrow).exists()
    else:
        assert (record.outcome, lab.whereabouts(VM)) == (Outcome.SUCCEEDED, {narrow: "running"})
        assert record.post_copy == (on_stall is OnStall.POST_COPY)
    if on_stall is OnStall.PAUSE:
        assert record.verdict is Verdict.MISSED
    faults.widen(lab.ledger, narrow)
    assert lab.wait_until_ready(VM) >= before


def test_a_guest_that_fits_at_a_higher_step_is_switched_over_there(
    daemon: DaemonRun, narrow: str, lab: RunningLab
) -> None:
    before = lab.wait_until_ready(VM)
    record = moved(daemon, narrow, 'on_stall = "abort"', promise_ms=5000)
    assert (record.outcome, lab.whereabouts(VM)) == (Outcome.SUCCEEDED, {narrow: "running"})
    climbed = steered(record)
    assert climbed[:5] == ["50 ms", "100 ms", "200 ms", "300 ms", "500 ms"]
    assert set(climbed) <= {"50 ms", "100 ms", "200 ms", "300 ms", "500 ms", "1000 ms", "2000 ms", "5000 ms"}
    assert record.verdict is Verdict.MET
    assert lab.wait_until_ready(VM) >= before


def test_auto_converge_slows_the_guest_down_before_it_is_given_up(
    daemon: DaemonRun, narrow: str, lab: RunningLab
) -> None:
    home = lab.hosts[0]
    begin(daemon, narrow, 'on_stall = "abort"\nauto_converge = true')
    throttles: list[int] = []

    def is_throttled_twice() -> bool:
        throttle = monitor(lab, home, "query-migrate").get("cpu-throttle-percentage", 0)
        if throttle and throttle not in throttles:
            throttles.append(throttle)
        return len(throttles) >= 2

    with daemon.running():
        daemon.until(lambda: shown(daemon) > 1, "it passes over memory again")
        daemon.until(is_throttled_twice, "QEMU slows it down, and more so", within_s=_ENDS_WITHIN_S)
        assert "Auto converge throttle" in lab.virsh(home, "domjobinfo", VM)
        daemon.until(lambda: bool(daemon.records(VM)), "it has ended", within_s=_ENDS_WITHIN_S)
    assert throttles == sorted(throttles)
    record = the_record(daemon)
    # Slowed down enough, it arrives. If not, it is not given up at the ladder's top, but once it is slowed no further.
    given_up = passes(record)[-1] > 2 * 4 + 4 if steered(record)[-1] == "abort" else None
    assert (record.outcome, given_up) in ((Outcome.SUCCEEDED, None), (Outcome.FAILED, True))


def test_memory_goes_over_as_many_connections_as_its_spec_says(daemon: DaemonRun, narrow: str, lab: RunningLab) -> None:
    home = lab.hosts[0]
    begin(daemon, narrow, 'on_stall = "abort"\nconnections = 3')
    with daemon.running():
        daemon.until(lambda: shown(daemon) > 0, "memory moves")
        used = {one["capability"]: one["state"] for one in monitor(lab, home, "query-migrate-capabilities")}
        assert used["multifd"]
        assert monitor(lab, home, "query-migrate-parameters")["multifd-channels"] == 3
        ports = "( dport >= :49152 and dport <= :49215 )"
        connections = lab.ledger.namespace(home).run("ss", "-Htn", "state", "established", ports)
        # One for what the hypervisors say to each other, and the disk's.
        assert len(connections.splitlines()) == 3 + 1 + 1
        daemon.until(lambda: bool(daemon.records(VM)), "it has ended", within_s=_ENDS_WITHIN_S)
    assert "abort" in steered(the_record(daemon))
