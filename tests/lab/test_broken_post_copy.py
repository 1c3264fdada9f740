"""The connection that a guest's memory follows over breaks: the guest stands still, and nothing of it is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from daemon_run import DaemonError, DaemonRun
from running import RunningLab

from ferryman.lab import fault_state, faults
from ferryman.planning.modes import Driver
from ferryman.records.audit.record import Outcome
from ferryman.records.progress_files import read_progress

pytestmark = pytest.mark.soak

VM = "writer"
_SLOW_MBIT_S = 60
_HOT_PAGES_THERE_S = 2.0
"""A vCPU that waits for a page while it holds QEMU's lock would block QEMU's monitor, and libvirt with it."""
_MIGRATION_PORTS = "( dport >= :49152 and dport <= :49215 )"
_RESUMED_WITHIN_S = 150.0
_STANDS_STILL_S = 60.0


@pytest.fixture
def narrow(lab: RunningLab) -> Iterator[str]:
    """A host that is reached by a narrow link, whole and wide again afterwards."""
    host = lab.hosts[1]
    faults.narrow(lab.ledger, host, _SLOW_MBIT_S)
    yield host
    faults.heal(lab.ledger, host)
    faults.widen(lab.ledger, host)


@pytest.fixture
def daemon(lab: RunningLab, daemon_for: Callable[..., DaemonRun]) -> Iterator[DaemonRun]:
    """With a guest that rewrites its memory faster than a narrow link carries it, to be moved by post-copy."""
    lab.add_guest(VM, lab.hosts[0], memory_mib=112, dirty_mib=24)
    made = daemon_for(VM)
    made.specs.replace(f"vms/{VM}.toml", 'method = "auto"', 'method = "post-copy"')
    yield made
    made.kill()
    lab.remove_guest(VM)


@contextmanager
def moving(daemon: DaemonRun, there: str) -> Iterator[None]:
    """The daemon at work, the move committed."""
    (home,) = daemon.lab.whereabouts(VM)
    with daemon.running():
        daemon.until_in_place(VM, home)
        daemon.specs.move(VM, there)
        yield


def break_connection(lab: RunningLab, home: str, there: str) -> None:
    """The source sees a dead connection; no word of it reaches the destination."""
    faults.cut(lab.ledger, there)
    lab.ledger.namespace(home).run("ss", "-K", "state", "established", _MIGRATION_PORTS)


def mend(lab: RunningLab, there: str) -> None:
    """The link is back, and wide."""
    faults.heal(lab.ledger, there)
    faults.widen(lab.ledger, there)


def check_it_was_resumed(daemon: DaemonRun, there: str, counted: int) -> None:
    """It runs there, and only there, and lost no number."""
    assert daemon.lab.whereabouts(VM) == {there: "running"}
    assert daemon.lab.wait_until_ready(VM) >= counted
    (record,) = daemon.records()
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert record.post_copy


@pytest.mark.parametrize("encryption", ["off", "require"])
def test_it_is_resumed_and_no_number_is_lost(encryption: str, daemon: DaemonRun, narrow: str, lab: RunningLab) -> None:
    home = lab.hosts[0]
    spec = f"vms/{VM}.toml"
    daemon.specs.replace(spec, 'method = "post-copy"', f'method = "post-copy"\nencryption = "{encryption}"')
    before = lab.wait_until_ready(VM)
    with moving(daemon, narrow):
        daemon.until(lambda: "memory follows" in phase(daemon), "it has switched")
        daemon.until(lambda: lab.whereabouts(VM).get(narrow) == "running", "the guest runs there already")
        time.sleep(_HOT_PAGES_THERE_S)
        break_connection(lab, home, narrow)
        time.sleep(1.0)
        mend(lab, narrow)
        daemon.until(lambda: bool(daemon.records()), "the move is over", within_s=_RESUMED_WITHIN_S)
    check_it_was_resumed(daemon, narrow, before)
    (record,) = daemon.records()
    assert "resuming post-copy" in [one.name for one in record.phases]
    assert record.encrypted == (encryption == "require")


@pytest.mark.parametrize("after_ms", [0, 50, 120, 200, 320])
def test_cut_moments_after_the_switch_it_is_resumed_or_a_person_boots_it_and_no_number_is_lost(
    after_ms: int,
    daemon: DaemonRun,
    narrow: str,
    lab: RunningLab,
    record_property: Callable[[str, object], None],
) -> None:
    """What QEMU 7.2 makes of it depends on the moment: see decision 12."""
    home = lab.hosts[0]
    before = lab.wait_until_ready(VM)
    with moving(daemon, narrow):
        fault_state.wait_for_step(daemon.state, VM, "switching", timeout_s=60)
        time.sleep(after_ms / 1000)
        break_connection(lab, home, narrow)
        time.sleep(1.0)
        mend(lab, narrow)
        try:
            daemon.until(lambda: bool(daemon.records()), "it is over", within_s=_STANDS_STILL_S)
        except DaemonError:
            record_property("ended", "it stands still")
            check_it_stands_still(daemon)
            daemon.kill()
            return
        (record,) = daemon.records()
        record_property("ended", record.outcome.value)
        if record.outcome is Outcome.HELD:
            assert "running" not in lab.whereabouts(VM).values()
            boot_as_told(daemon, home, narrow, record.remedy)
            daemon.until_in_place(VM, narrow)
            assert lab.wait_until_ready(VM) >= before
            return
    if record.outcome is Outcome.SUCCEEDED:
        check_it_was_resumed(daemon, narrow, before)
    else:
        assert lab.whereabouts(VM) == {home: "running"}
        assert lab.wait_until_ready(VM) >= before


def boot_as_told(daemon: DaemonRun, home: str, there: str, remedy: str) -> None:
    """What the record's remedy says, as a person does it: its memory is lost, its disk is not."""
    lab, accept = daemon.lab, f"ferryman recover {VM} --accept"
    lend = (f"virsh dumpxml {VM} on {home}", "virsh define it there")
    boot = (
        f"virsh destroy {VM} on both",
        f"virsh start {VM} on {there}",
        f"virsh undefine {VM} --keep-nvram on {home}",
    )
    assert [told for told in (*boot, *lend, accept) if told not in remedy] == []
    for host, state in lab.whereabouts(VM).items():
        if state != "shut off":
            lab.virsh(host, "destroy", VM)
    if there not in lab.whereabouts(VM):
        definition = lab.folder / "as-told.xml"
        definition.write_text(lab.virsh(home, "dumpxml", VM))
        lab.virsh(there, "define", str(definition))
    lab.virsh(there, "start", VM)
    lab.virsh(home, "undefine", VM, "--keep-nvram")
    done = daemon.ferryman(*accept.split()[1:], "--specs", str(daemon.specs.folder))
    assert done.returncode == 0, done.stderr


def test_a_daemon_that_drives_it_and_is_killed_while_memory_follows_finds_that_it_arrived(
    daemon: DaemonRun, narrow: str, lab: RunningLab
) -> None:
    before = killed_while_it_drives(daemon, narrow, lambda: lab.whereabouts(VM).get(narrow) == "running")
    assert lab.whereabouts(VM) == {narrow: "running"}
    assert lab.wait_until_ready(VM) >= before
    (record,) = daemon.records()
    assert (record.outcome, record.driven_by, record.recovered) == (Outcome.SUCCEEDED, Driver.DAEMON, True)


@pytest.mark.parametrize("after_ms", [0, 5, 40])
def test_a_daemon_that_drives_it_and_is_killed_about_the_switch_says_what_became_of_it(
    after_ms: int, daemon: DaemonRun, narrow: str, lab: RunningLab, record_property: Callable[[str, object], None]
) -> None:
    """Between the switch and the word to let it run there, libvirt drops the half of its memory that is there."""

    def is_at_the_switch() -> bool:
        fault_state.wait_for_step(daemon.state, VM, "switching", timeout_s=60)
        time.sleep(after_ms / 1000)
        return True

    before = killed_while_it_drives(daemon, narrow, is_at_the_switch)
    first = daemon.records()[0]
    record_property("ended", first.outcome.value)
    assert first.driven_by is Driver.DAEMON
    if first.outcome is Outcome.HELD:
        assert "memory" in first.reason
        assert "running" not in lab.whereabouts(VM).values()
    else:
        assert lab.wait_until_ready(VM) >= before


def killed_while_it_drives(daemon: DaemonRun, there: str, when: Callable[[], bool]) -> int:
    """The daemon drives the move, as nobody logs in over there; killed, then started again, until that has its record.

    What the guest had counted to before.
    """
    lab = daemon.lab
    before = lab.wait_until_ready(VM)
    faults.bar_peers(lab.ledger, there)
    daemon.specs.move(VM, there)
    daemon.start("--once")
    daemon.until(lambda: bool(phase(daemon)), "it moves")
    daemon.until(when, "the moment to kill it")
    daemon.kill()
    faults.widen(lab.ledger, there)
    with daemon.running():
        daemon.until(lambda: bool(daemon.records()), "the move has its record", within_s=_RESUMED_WITHIN_S)
    return before


def check_it_stands_still(daemon: DaemonRun) -> None:
    """Neither end was resumed or destroyed, and the progress says what is tried."""
    (entry,) = (one for one in read_progress(daemon.state) if one.vm == VM)
    assert "resuming post-copy" in entry.phase or "standing still" in entry.phase
    assert daemon.lab.whereabouts(VM).keys() == set(daemon.lab.hosts[:2])
    assert "running" not in daemon.lab.whereabouts(VM)[daemon.lab.hosts[0]]


def phase(daemon: DaemonRun) -> str:
    """What the live progress says of the VM's move."""
    return next((one.phase for one in read_progress(daemon.state) if one.vm == VM), "")
