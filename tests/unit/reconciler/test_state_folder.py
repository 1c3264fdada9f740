"""The state folder is memory: it may be deleted, refuse files or be damaged, and no VM comes to harm."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from house import House

from ferryman.planning.decisions import Refused, StallReason, UpToDate
from ferryman.planning.plans import Plan
from ferryman.records.audit.record import Outcome

VM, OTHER = "guest-01", "guest-02"


def obstruct(folder: Path) -> None:
    """A file in the folder's place: nothing can be written below it, not even by root."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("in the way")


def clear(folder: Path) -> None:
    folder.unlink()


class TestDeleted:
    def test_the_daemon_converges_without_a_move(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        first = house.start()
        first.until_quiet()
        first.close()
        shutil.rmtree(house.state)
        assert house.start().until_quiet().statuses == {VM: UpToDate(vm=VM, host="skopje")}
        assert house.heard.begun_vms == [VM]
        assert house.states()[VM].host == "skopje"

    def test_also_under_a_running_daemon(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        shutil.rmtree(house.state)
        house.vm(VM, "skopje")
        daemon.until_quiet()
        assert house.states()[VM].host == "skopje"
        assert [record.outcome for record in house.records()] == [Outcome.SUCCEEDED]


class TestRefusingFiles:
    def test_nothing_begins_until_it_takes_files_again(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        obstruct(house.state / "journal")
        house.vm(VM, "skopje")
        for _ in range(3):
            found = daemon.look()
            assert isinstance(found.statuses[VM], Plan)
        assert house.fleet.running(VM) == ("tallinn",)
        assert any("Cannot write" in trouble for trouble in house.heard.troubles)
        clear(house.state / "journal")
        daemon.until_quiet()
        assert house.fleet.running(VM) == ("skopje",)
        assert [record.outcome for record in house.records()] == [Outcome.SUCCEEDED]

    def test_a_record_that_it_refused_is_written_later_and_nothing_begins_before(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.gates.close(VM)
        house.vm(VM, "skopje")
        daemon = house.start()
        daemon.look()
        obstruct(house.state / "migrations")
        house.gates.open()
        daemon.until_quiet()
        assert [entry.vm for entry in daemon.chronicle.journal.entries()] == [VM]
        house.vm(VM, "oslo")
        assert daemon.look().moving == frozenset()
        clear(house.state / "migrations")
        daemon.until_quiet()
        assert house.fleet.running(VM) == ("oslo",)
        assert [record.destination for record in house.records()] == ["skopje", "oslo"]
        assert daemon.chronicle.journal.entries() == ()

    def test_what_git_refused_is_committed_later(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        daemon = house.start()
        daemon.look()
        (house.state / ".git" / "index.lock").touch()
        house.vm(VM, "skopje")
        daemon.until_quiet()
        assert any("index.lock" in trouble for trouble in house.heard.troubles)
        (house.state / ".git" / "index.lock").unlink()
        daemon.look()
        assert house.git("status", "--porcelain") == ""
        assert any("moved tallinn -> skopje" in subject for subject in house.log())


class TestTakingUp:
    def test_a_move_that_was_under_way_is_brought_to_its_end_first(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        self._leave_open(house)
        house.start().look()
        house.daemons[-1].until_quiet()
        assert house.heard.taken_up_vms == [VM]
        assert house.records()[0].recovered
        assert house.fleet.running(VM) == ("tallinn",)

    def test_one_whose_vm_left_the_specs_too(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm(OTHER, "oslo")
        house.vm(VM, "skopje")
        self._leave_open(house)
        (house.specs / "vms" / f"{VM}.toml").unlink()
        daemon = house.start()
        daemon.until_quiet()
        assert [record.vm for record in house.records()] == [VM]
        assert daemon.chronicle.journal.entries() == ()

    def test_one_whose_record_was_written_is_only_closed(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        house.gates.close(VM)
        first = house.start()
        first.look()
        entry = (house.state / "journal" / f"{VM}.toml").read_bytes()
        house.gates.open()
        first.until_quiet()
        first.close()
        (house.state / "journal" / f"{VM}.toml").write_bytes(entry)
        daemon = house.start()
        daemon.until_quiet()
        assert house.heard.taken_up_vms == []
        assert daemon.chronicle.journal.entries() == ()

    def test_one_whose_host_left_the_specs_stalls_its_vm(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm(OTHER, "oslo")
        house.vm(VM, "skopje")
        self._leave_open(house)
        house.vm(VM, "tallinn")
        house.vm(OTHER, "tallinn")
        (house.specs / "hosts" / "skopje.toml").unlink()
        daemon = house.start()
        stuck = daemon.until_quiet().statuses[VM]
        assert isinstance(stuck, Refused)
        assert stuck.reason is StallReason.HELD
        assert "skopje left the specs" in house.said(VM).message
        assert house.fleet.running(OTHER) == ("tallinn",)
        assert len(daemon.chronicle.journal.entries()) == 1

    @staticmethod
    def _leave_open(house: House) -> None:
        """What a daemon leaves that is killed while it prepares a move."""
        house.gates.plant_bug(VM)
        killed = house.start()
        killed.until_quiet()
        killed.close()


class TestDamaged:
    def test_a_journal_entry_stalls_only_its_vm(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.settled_vm(OTHER, "oslo")
        house.start().close()
        (house.state / "journal").mkdir(exist_ok=True)
        (house.state / "journal" / f"{VM}.toml").write_text("id = ")
        house.vm(VM, "skopje")
        house.vm(OTHER, "skopje")
        house.start().until_quiet()
        assert house.fleet.running(VM) == ("tallinn",)
        assert house.fleet.running(OTHER) == ("skopje",)
        assert (house.said(VM).reason, house.said(OTHER).reason) == ("HeldForPerson", "InPlace")
        assert f"ferryman recover {VM}" in house.said(VM).remedy

    @pytest.mark.parametrize("content", ["", "name = 3\n", "\0"])
    def test_a_state_file_is_told_and_written_anew(self, house: House, content: str) -> None:
        house.settled_vm(VM, "tallinn")
        first = house.start()
        first.look()
        first.close()
        (house.state / "vms" / f"{VM}.toml").write_text(content)
        house.start().until_quiet()
        assert any(f"{VM}.toml" in trouble for trouble in house.heard.troubles)
        assert house.states()[VM].host == "tallinn"
