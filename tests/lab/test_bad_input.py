"""Whatever is wrong is said, with a remedy, in state, in `status` and by the exit code; nothing else is held up."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab import fault_processes, faults
from ferryman.lab.guest_xml import DiskFormat
from ferryman.planning.decisions import StallReason, WaitReason
from ferryman.records.state.states import Condition, ConditionType

ILL, WELL = "ill", "well"
STALLED, RECONCILING = ConditionType.STALLED, ConditionType.RECONCILING


@pytest.fixture(scope="module")
def two(lab: RunningLab) -> Iterator[tuple[str, str]]:
    """Two guests that are off: they move within a second, and no test starts them."""
    for name in (ILL, WELL):
        lab.add_guest(name, lab.hosts[0], off=True, disk_format=DiskFormat.RAW, disk_mib=8)
    yield ILL, WELL
    for name in (ILL, WELL):
        lab.remove_guest(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A fleet of which one VM has trouble, and another must not be held up by it."""

    daemon: DaemonRun
    lab: RunningLab
    home: str
    """Where the ill VM is, and must stay."""
    away: str
    """Where it is wanted."""
    well_to: str
    """Where the other one is wanted: to be there is the proof that it went on."""

    def edit(self, before: str, after: str) -> None:
        """Edit the ill VM's spec in the working tree."""
        self.daemon.specs.replace(f"vms/{ILL}.toml", before, after)

    def move_both(self) -> None:
        """Commit a move of both VMs, with whatever else was edited."""
        for vm, host in ((ILL, self.away), (WELL, self.well_to)):
            specs = self.daemon.specs
            specs.replace(f"vms/{vm}.toml", f'host = "{specs.home(vm)}"', f'host = "{host}"')
        self.daemon.specs.commit("Move both")

    def stays(self) -> None:
        """The ill VM is where it was, alone and whole; the other one arrived."""
        assert self.lab.whereabouts(ILL) == {self.home: "shut off"}
        assert self.lab.disk(ILL, self.home).exists()
        self.goes_on()

    def goes_on(self) -> None:
        """The other VM arrived."""
        assert self.lab.whereabouts(WELL) == {self.well_to: "shut off"}, self.daemon.log_text()

    def once_says(self, kind: ConditionType, reason: str) -> Condition:
        """What one run leaves in state of the ill VM, after `status` and the exit code said so too."""
        assert self.daemon.once() == 1, self.daemon.log_text()
        state = self.daemon.vm(ILL)
        assert state is not None, self.daemon.log_text()
        (condition,) = state.conditions
        assert (condition.type, condition.reason) == (kind, reason), condition
        assert condition.message
        assert condition.remedy
        self.status_says(condition.message, condition.remedy)
        return condition

    def status_tells_of(self, vm: str) -> Condition:
        """`ferryman status` shows what is said of the VM; read again where another reason is known meanwhile."""
        while True:
            state = self.daemon.vm(vm)
            assert state is not None
            (condition,) = state.conditions
            shown = self._status()
            if self.daemon.vm(vm) == state:
                assert " ".join(condition.message.split()) in shown
                assert " ".join(condition.remedy.split()) in shown
                return condition

    def status_says(self, *texts: str) -> None:
        """`ferryman status` ends with 1 and shows these texts."""
        shown = self._status()
        for text in texts:
            assert " ".join(text.split()) in shown

    def _status(self) -> str:
        """What `ferryman status` shows of a fleet with troubles; it breaks lines as it likes."""
        status = self.daemon.ferryman("status")
        assert status.returncode == 1, status.stdout
        return " ".join(status.stdout.split())


@pytest.fixture
def fleet(two: tuple[str, str], lab: RunningLab, daemon_for: Callable[..., DaemonRun]) -> Fleet:
    """Both VMs where they are; their homes are committed."""
    daemon = daemon_for(*two)
    (home,) = lab.whereabouts(ILL)
    (well_at,) = lab.whereabouts(WELL)
    # The other one neither leaves nor reaches it: a full or missing end is the ill one's trouble alone.
    away = next(host for host in lab.hosts if host not in (home, well_at))
    return Fleet(
        daemon=daemon,
        lab=lab,
        home=home,
        away=away,
        well_to=next(host for host in lab.hosts if host not in (well_at, away)),
    )


class TestSpecs:
    def test_one_that_cannot_be_parsed_stalls_its_vm(self, fleet: Fleet) -> None:
        fleet.move_both()
        fleet.daemon.specs.append(f"vms/{ILL}.toml", "\nhost = \n")
        fleet.daemon.specs.commit("A slip")
        said = fleet.once_says(STALLED, StallReason.INVALID_SPEC)
        assert f"vms/{ILL}.toml:" in said.message
        fleet.stays()

    def test_a_host_that_is_not_there_is_guessed(self, fleet: Fleet) -> None:
        fleet.move_both()
        fleet.edit(f'host = "{fleet.away}"', f'host = "{fleet.away}x"')
        fleet.daemon.specs.commit("A slip")
        said = fleet.once_says(STALLED, StallReason.INVALID_SPEC)
        assert f'no host is called "{fleet.away}x"' in said.message
        assert f"did you mean `{fleet.away}`?" in said.remedy
        fleet.stays()

    def test_a_slip_while_it_runs_is_said_at_once_and_mended_by_the_next_commit(self, fleet: Fleet) -> None:
        with fleet.daemon.running() as daemon:
            daemon.until_in_place(ILL, fleet.home)
            fleet.edit('method = "auto"', 'method = "aut"')
            fleet.move_both()
            daemon.until_said(ILL, STALLED, StallReason.INVALID_SPEC)
            daemon.until_in_place(WELL, fleet.well_to)
            fleet.stays()
            fleet.edit('method = "aut"', 'method = "auto"')
            daemon.specs.commit("Mended")
            daemon.until_in_place(ILL, fleet.away)
        assert daemon.ferryman("status").returncode == 0

    def test_a_repository_that_vanishes_leaves_the_last_revision_in_force(self, fleet: Fleet, tmp_path: Path) -> None:
        # No event tells that a watched folder was moved as a whole: that is what the rescan is for.
        with fleet.daemon.running("--rescan-s=1") as daemon:
            daemon.until_in_place(ILL, fleet.home)
            hidden = tmp_path / "moved-away"
            daemon.specs.folder.rename(hidden)
            daemon.until(lambda: daemon.ferryman("status").returncode == 1, "the lost revision is told", 20)
            fleet.status_says("bring it back, or give another --specs folder")
            assert fleet.lab.whereabouts(ILL) == {fleet.home: "shut off"}
            hidden.rename(daemon.specs.folder)
            fleet.move_both()
            daemon.until_in_place(ILL, fleet.away)

    def test_a_branch_that_vanishes_leaves_the_last_revision_in_force(self, fleet: Fleet) -> None:
        with fleet.daemon.running() as daemon:
            daemon.until_in_place(ILL, fleet.home)
            last = daemon.specs.git("rev-parse", "HEAD")
            daemon.specs.git("update-ref", "-d", "refs/heads/main")
            daemon.until(lambda: daemon.ferryman("status").returncode == 1, "the lost revision is told", 20)
            fleet.status_says("commit the specs, or name a ref that exists")
            daemon.specs.git("update-ref", "refs/heads/main", last)
            daemon.until(lambda: daemon.ferryman("status").returncode == 0, "it is in force again", 20)
        daemon.specs.git("update-ref", "-d", "refs/heads/main")
        assert daemon.once() == 1
        assert fleet.lab.whereabouts(ILL) == {fleet.home: "shut off"}


class TestWhereabouts:
    def test_one_that_exists_nowhere(self, fleet: Fleet) -> None:
        fleet.daemon.specs.write("vms/ghost.toml", f'name = "ghost"\nhost = "{fleet.home}"\n')
        fleet.move_both()
        assert fleet.daemon.once() == 1
        ghost = fleet.daemon.vm("ghost")
        assert ghost is not None
        assert [(one.type, one.reason) for one in ghost.conditions] == [(STALLED, StallReason.NOT_FOUND)]
        fleet.status_says(ghost.conditions[0].message, ghost.conditions[0].remedy)
        fleet.goes_on()

    def test_one_that_is_defined_on_two_hosts(self, fleet: Fleet, tmp_path: Path) -> None:
        definition = tmp_path / "copy.xml"
        definition.write_text(fleet.lab.virsh(fleet.home, "dumpxml", ILL))
        third = next(host for host in fleet.lab.hosts if host not in (fleet.home, fleet.away))
        fleet.lab.virsh(third, "define", str(definition))
        fleet.move_both()
        try:
            said = fleet.once_says(STALLED, StallReason.ON_TWO_HOSTS)
            assert fleet.lab.whereabouts(ILL) == {fleet.home: "shut off", third: "shut off"}
        finally:
            fleet.lab.virsh(third, "undefine", ILL)
        assert fleet.home in said.message
        assert third in said.message
        assert f"undefine {ILL}" in said.remedy
        fleet.stays()

    def test_a_host_that_is_cut_off_is_unknown_and_not_empty(self, fleet: Fleet) -> None:
        others = [host for host in fleet.lab.hosts if host != fleet.home]
        # A host that comes back says nothing by itself: the rescan finds it.
        with fleet.daemon.running("--rescan-s=2") as daemon:
            daemon.until_in_place(ILL, fleet.home)
            daemon.specs.place(WELL, others[0])
            daemon.until_in_place(WELL, others[0])
            faults.cut(fleet.lab.ledger, fleet.home)
            try:
                daemon.specs.place(ILL, fleet.away)
                said = daemon.until_said(ILL, RECONCILING, WaitReason.HOST_UNREACHABLE)
                daemon.specs.place(WELL, others[1])
                daemon.until_in_place(WELL, others[1], within_s=20)
                said = fleet.status_tells_of(ILL)
                host, state = daemon.host(fleet.home), daemon.vm(ILL)
            finally:
                faults.heal(fleet.lab.ledger, fleet.home)
            assert fleet.home in said.message
            assert said.remedy
            assert host is not None
            assert not host.reachable
            assert host.remedy
            assert state is not None
            assert state.host == fleet.home, "unreachable is not absent"
            daemon.until_in_place(ILL, fleet.away)

    def test_a_destination_whose_libvirtd_is_down_is_waited_for(self, fleet: Fleet) -> None:
        fleet.move_both()
        fault_processes.stop_daemon(fleet.lab.ledger, fleet.away)
        try:
            fleet.once_says(RECONCILING, WaitReason.HOST_UNREACHABLE)
        finally:
            fault_processes.start_daemon(fleet.lab.ledger, fleet.away)
        fleet.stays()
        assert fleet.daemon.once() == 0, fleet.daemon.log_text()
        assert fleet.lab.whereabouts(ILL) == {fleet.away: "shut off"}

    def test_a_host_whose_key_is_not_known_is_refused(self, fleet: Fleet, tmp_path: Path) -> None:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.touch()
        fleet.daemon.specs.append(f"hosts/{fleet.away}.toml", f'[ssh]\nknown_hosts = "{known_hosts}"\n')
        fleet.move_both()
        said = fleet.once_says(RECONCILING, WaitReason.HOST_UNREACHABLE)
        assert "its SSH host key is not known" in said.message
        fleet.stays()
        assert known_hosts.read_text() == "", "a key was taken on trust"
        remedy = f"ssh-keyscan {fleet.away} >> {known_hosts}"
        assert remedy in said.remedy
        assert fleet.lab.exec(["sh", "-c", remedy]).returncode == 0
        assert fleet.daemon.once() == 0, fleet.daemon.log_text()
        assert fleet.lab.whereabouts(ILL) == {fleet.away: "shut off"}


class TestStorage:
    def test_a_destination_without_the_pool(self, fleet: Fleet) -> None:
        fleet.daemon.specs.append(f"vms/{ILL}.toml", '\n[storage]\npools = { vms = "tank" }\n')
        fleet.move_both()
        said = fleet.once_says(STALLED, StallReason.PREFLIGHT)
        assert f"{fleet.away} has no storage pool tank (it has: blocks, vms)" in said.message
        assert "[storage] pools" in said.remedy
        fleet.stays()

    def test_a_pool_that_is_too_small(self, fleet: Fleet, small_pool: Callable[[str], None]) -> None:
        fill = ["qemu-io", "-f", "raw", "-c", "write -P 0x5a 0 4M", str(fleet.lab.disk(ILL, fleet.home))]
        subprocess.run(fill, check=True, capture_output=True)
        small_pool(fleet.away)
        fleet.daemon.specs.append(f"vms/{ILL}.toml", '\n[storage]\npools = { vms = "thimble" }\n')
        fleet.move_both()
        said = fleet.once_says(STALLED, StallReason.PREFLIGHT)
        assert f"the pool thimble on {fleet.away} has" in said.message
        assert "Free space" in said.remedy
        fleet.stays()

    def test_a_volume_of_that_name_that_nobody_recorded_is_never_overwritten(self, fleet: Fleet) -> None:
        precious = fleet.lab.disk(ILL, fleet.away)
        precious.write_bytes(b"precious" * 64)
        fleet.move_both()
        try:
            said = fleet.once_says(STALLED, StallReason.PREFLIGHT)
            assert precious.read_bytes() == b"precious" * 64
        finally:
            precious.unlink()
        assert "no audit record names it" in said.message
        assert "virsh vol-delete" in said.remedy
        fleet.stays()

    @pytest.fixture
    def small_pool(self, lab: RunningLab) -> Iterator[Callable[[str], None]]:
        """Makes a pool of 2 MiB, called thimble, on a host."""
        made: list[str] = []
        folder = "/run/thimble"

        def make(host: str) -> None:
            namespace = lab.ledger.namespace(host)
            namespace.run("mkdir", "-p", folder)
            namespace.run("mount", "-t", "tmpfs", "-o", "size=2m", "thimble", folder)
            made.append(host)
            lab.virsh(host, "pool-create-as", "thimble", "dir", "--target", folder)

        yield make
        for host in made:
            lab.virsh(host, "pool-destroy", "thimble")
            lab.ledger.namespace(host).run("umount", folder)
            shutil.rmtree(lab.ledger.layout.host(host).folder / folder.lstrip("/"))
