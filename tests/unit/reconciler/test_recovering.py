"""Open, held and damaged moves: what a person asks is answered, and nothing of it needs a restart."""

from __future__ import annotations

import pytest
from house import Daemon, House

from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.migration import Breakage
from ferryman.fleet.values import Power
from ferryman.planning.decisions import Refused, UpToDate, Wait, WaitReason
from ferryman.records import requests
from ferryman.records.audit.record import Outcome
from ferryman.records.errors import StateLockedError
from ferryman.records.requests import Request, Wish

VM, OTHER = "guest-01", "guest-02"
TOUCHES = (Operation.START, Operation.RESUME, Operation.DESTROY, Operation.UNDEFINE, Operation.DELETE)


def ask(house: House, wish: Wish) -> None:
    """In place of whoever asked before."""
    house.asking.close()
    house.asking.enter_context(requests.asking(house.state, request(house, wish)))


def request(house: House, wish: Wish) -> Request:
    return Request(vm=VM, wish=wish, asked_at=house.clock.now(), asked_by="ann")


def answer(house: House) -> Request:
    """What the last one who asked was told."""
    found = requests.read(house.state, VM)
    assert found is not None
    assert [found] == house.heard.answers[-1:]
    return found


def touched(house: House) -> int:
    return sum(host.faults.made(operation) for host in house.fleet.hosts.values() for operation in TOUCHES)


@pytest.fixture
def held(house: House) -> Daemon:
    """A VM whose QEMU was gone at both ends when its migration broke."""
    house.settled_vm(VM, "tallinn")
    house.vm(VM, "skopje")
    house.fleet.plan_breakage(VM, Breakage(source=Power.SHUT_OFF, destination=Power.SHUT_OFF))
    daemon = house.start()
    daemon.until_quiet()
    assert [record.outcome for record in house.records()] == [Outcome.HELD]
    return daemon


class TestHeld:
    def test_its_state_says_what_to_do(self, house: House, held: Daemon) -> None:
        held.look()
        assert "virsh" in house.said(VM).remedy

    def test_accepted_once_a_person_decided_it_is_brought_to_its_end_by_the_table(
        self, house: House, held: Daemon
    ) -> None:
        del house.at("skopje").domains.known[VM]
        house.at("tallinn").domains.known[VM].power = Power.RUNNING
        house.vm(VM, "tallinn")
        ask(house, Wish.ACCEPT)
        assert held.until_quiet().statuses[VM] == UpToDate(vm=VM, host="tallinn")
        assert answer(house).granted
        first, second = house.records()
        assert (second.outcome, second.resolves, second.recovered) == (Outcome.FAILED, first.id, True)
        assert house.at("skopje").pools["vms"].volumes == {}
        assert held.chronicle.journal.held() == ()

    def test_kept_at_the_destination_it_is_a_success(self, house: House, held: Daemon) -> None:
        del house.at("tallinn").domains.known[VM]
        house.at("skopje").domains.known[VM].power = Power.RUNNING
        ask(house, Wish.ACCEPT)
        assert held.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")
        assert house.records()[-1].outcome is Outcome.SUCCEEDED
        assert [volume.host for volume in house.records()[-1].left_behind] == ["tallinn"]

    def test_accepted_too_early_it_is_held_again_and_nothing_was_touched(self, house: House, held: Daemon) -> None:
        before = touched(house)
        ask(house, Wish.ACCEPT)
        held.until_quiet()
        assert [record.outcome for record in house.records()] == [Outcome.HELD, Outcome.HELD]
        assert touched(house) == before
        assert len(held.chronicle.journal.held()) == 1

    def test_forgotten_the_vm_is_decided_about_afresh(self, house: House, held: Daemon) -> None:
        del house.at("skopje").domains.known[VM]
        house.at("skopje").pools["vms"].volumes.clear()
        house.vm(VM, "tallinn")
        before = touched(house)
        ask(house, Wish.FORGET)
        held.look()
        assert touched(house) == before
        assert [record.outcome for record in house.records()] == [Outcome.HELD, Outcome.CANCELLED]
        assert house.records()[-1].reason == "ann gave the move up"
        house.vm(VM, "skopje")
        assert held.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")

    def test_a_restart_in_between_changes_nothing(self, house: House, held: Daemon) -> None:
        held.close()
        del house.at("tallinn").domains.known[VM]
        house.at("skopje").domains.known[VM].power = Power.RUNNING
        ask(house, Wish.ACCEPT)
        house.start().until_quiet()
        assert house.records()[-1].outcome is Outcome.SUCCEEDED


class TestWhoeverAskedIsGone:
    def test_the_request_is_not_served_at_a_later_look(self, house: House, held: Daemon) -> None:
        del house.at("skopje").domains.known[VM]
        house.vm(VM, "tallinn")
        requests.write(house.state, request(house, Wish.FORGET))
        held.look()
        assert [(told.granted, "is gone" in told.answer) for told in house.heard.answers] == [(False, True)]
        assert requests.read(house.state, VM) is None
        assert [record.outcome for record in house.records()] == [Outcome.HELD]

    def test_nor_by_the_next_daemon(self, house: House, held: Daemon) -> None:
        held.close()
        requests.write(house.state, request(house, Wish.FORGET))
        house.start().until_quiet()
        assert [record.outcome for record in house.records()] == [Outcome.HELD]

    def test_two_do_not_ask_about_one_vm_at_once(self, house: House, held: Daemon) -> None:
        assert held.chronicle.mailbox.unanswered() == ()
        ask(house, Wish.ACCEPT)
        with pytest.raises(StateLockedError), requests.asking(house.state, request(house, Wish.FORGET)):
            pass
        assert requests.unanswered(house.state)[0].wish is Wish.ACCEPT


class TestDamaged:
    @pytest.fixture
    def daemon(self, house: House) -> Daemon:
        house.settled_vm(VM, "tallinn")
        house.start().close()
        (house.state / "journal").mkdir(exist_ok=True)
        (house.state / "journal" / f"{VM}.toml").write_text("id = ")
        house.vm(VM, "skopje")
        daemon = house.start()
        assert isinstance(daemon.until_quiet().statuses[VM], Refused)
        return daemon

    def test_accepted_the_entry_is_kept_aside_and_the_vm_goes_on(self, house: House, daemon: Daemon) -> None:
        ask(house, Wish.ACCEPT)
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")
        assert answer(house).granted
        (kept,) = (house.state / "journal" / "damaged").iterdir()
        assert kept.read_text() == "id = "

    def test_a_truncated_one_is_recorded_as_far_as_it_can_be_read(self, house: House, daemon: Daemon) -> None:
        daemon.close()
        (house.state / "journal" / f"{VM}.toml").unlink()
        house.gates.plant_bug(VM)
        killed = house.start()
        killed.until_quiet()
        killed.close()
        file = house.state / "journal" / f"{VM}.toml"
        file.write_bytes(file.read_bytes()[:-40])
        again = house.start()
        again.until_quiet()
        ask(house, Wish.ACCEPT)
        assert again.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")
        assert [record.outcome for record in house.records()] == [Outcome.CANCELLED, Outcome.SUCCEEDED]

    def test_it_is_refused_while_it_is_not_clear_where_the_vm_is(self, house: House, daemon: Daemon) -> None:
        house.at("oslo").faults.unreachable = True
        ask(house, Wish.ACCEPT)
        daemon.look()
        assert (answer(house).granted, "oslo does not answer" in answer(house).answer) == (False, True)
        house.at("oslo").faults.unreachable = False
        house.at("oslo").add_vm(VM, running=False)
        ask(house, Wish.ACCEPT)
        daemon.look()
        assert "several hosts have it" in answer(house).answer

    def test_mended_by_hand_it_goes_on_by_itself(self, house: House, daemon: Daemon) -> None:
        (house.state / "journal" / f"{VM}.toml").unlink()
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")


class TestABug:
    def test_accepted_its_move_is_taken_up_by_the_same_daemon(self, house: House) -> None:
        house.settled_vm(VM, "tallinn")
        house.vm(VM, "skopje")
        house.gates.plant_bug(VM)
        daemon = house.start()
        daemon.until_quiet()
        ask(house, Wish.ACCEPT)
        daemon.until_quiet()
        assert [record.outcome for record in house.records()] == [Outcome.FAILED]
        house.clock.passed_s += 5
        assert daemon.until_quiet().statuses[VM] == UpToDate(vm=VM, host="skopje")


class TestASilentHost:
    def leave_open(self, house: House) -> Daemon:
        """A move that was interrupted, and a new daemon that cannot reach its destination."""
        house.settled_vm(VM, "tallinn")
        house.settled_vm(OTHER, "tallinn")
        house.vm(VM, "skopje")
        house.gates.plant_bug(VM)
        killed = house.start()
        killed.until_quiet()
        killed.close()
        house.at("skopje").faults.unreachable = True
        return house.start()

    def test_its_moves_keep_no_slot_and_are_taken_up_when_it_is_back(self, house: House) -> None:
        house.write("fleet.toml", "settle_ms = 0\n[limits]\nmigrations = 1\n")
        daemon = self.leave_open(house)
        waits = daemon.until_quiet().statuses[VM]
        assert isinstance(waits, Wait)
        assert (waits.reason, "was interrupted" in waits.message) == (WaitReason.HOST_UNREACHABLE, True)
        assert f"ferryman recover {VM}" in waits.remedy
        house.vm(OTHER, "oslo")
        daemon.until_quiet()
        assert house.fleet.running(OTHER) == ("oslo",)
        house.at("skopje").faults.unreachable = False
        daemon.until_quiet()
        assert {record.vm for record in house.records()} == {VM, OTHER}
        assert house.heard.taken_up_vms == [VM]

    def test_a_host_that_never_comes_back_is_forgotten(self, house: House) -> None:
        daemon = self.leave_open(house)
        daemon.until_quiet()
        ask(house, Wish.ACCEPT)
        daemon.look()
        assert not answer(house).granted
        ask(house, Wish.FORGET)
        daemon.look()
        assert answer(house).granted
        assert [record.outcome for record in house.records()] == [Outcome.CANCELLED]
        assert daemon.chronicle.journal.entries() == ()

    def test_one_that_left_the_specs_and_is_back_is_gone_on_with_without_a_restart(self, house: House) -> None:
        daemon = self.leave_open(house)
        house.at("skopje").faults.unreachable = False
        spec = (house.specs / "hosts" / "skopje.toml").read_text()
        house.vm(VM, "tallinn")
        (house.specs / "hosts" / "skopje.toml").unlink()
        assert isinstance(daemon.until_quiet().statuses[VM], Refused)
        house.write("hosts/skopje.toml", spec)
        daemon.until_quiet()
        assert [record.outcome for record in house.records()] == [Outcome.FAILED]


class TestAGuestThatIsShuttingDownForEver:
    def test_it_keeps_no_slot_and_its_move_ends_once_it_is_off(self, house: House) -> None:
        house.write("fleet.toml", "settle_ms = 0\n[limits]\nmigrations = 1\n")
        house.settled_vm(VM, "tallinn")
        house.settled_vm(OTHER, "tallinn")
        house.vm(VM, "skopje")
        house.gates.plant_bug(VM)
        killed = house.start()
        killed.until_quiet()
        killed.close()
        house.at("tallinn").domains.known[VM].power = Power.SHUTTING_DOWN
        daemon = house.start()
        waits = daemon.until_quiet().statuses[VM]
        assert isinstance(waits, Wait)
        assert (waits.reason, f"virsh destroy {VM}" in waits.remedy) == (WaitReason.CHANGING, True)
        house.vm(OTHER, "oslo")
        daemon.until_quiet()
        assert house.fleet.running(OTHER) == ("oslo",)
        house.at("tallinn").domains.known[VM].power = Power.SHUT_OFF
        daemon.until_quiet()
        assert [record.vm for record in house.heard.ended_records] == [OTHER, VM]


def test_of_a_vm_that_nothing_is_open_of_everything_is_refused(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    daemon = house.start()
    for wish in Wish:
        ask(house, wish)
        daemon.look()
        assert (answer(house).granted, answer(house).answer) == (False, f"{VM} has no interrupted or held move")


def test_of_a_vm_that_is_being_moved_everything_is_refused(house: House) -> None:
    house.settled_vm(VM, "tallinn")
    house.vm(VM, "skopje")
    house.gates.close(VM)
    daemon = house.start()
    daemon.look()
    ask(house, Wish.FORGET)
    daemon.look()
    assert not answer(house).granted
    house.gates.open()
    daemon.until_quiet()
    assert house.fleet.running(VM) == ("skopje",)
