"""Somebody carries a VM in the middle of its move to a host that the move does not concern."""

from __future__ import annotations

import pytest
from stand import NOON, VM, Stand

from ferryman.fleet.fake.accidents import Accidents
from ferryman.fleet.fake.domain import Shutdown
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeHost
from ferryman.fleet.ownership import Identity, Owner
from ferryman.fleet.values import MigrationSide, Off, Power
from ferryman.migration.attempt import carry_out, take_up
from ferryman.migration.settling.holds import Hold
from ferryman.migration.settling.situation import examine, in_words
from ferryman.records.audit.record import Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import ColdSpec

IMAGE = f"{VM}.img"


@pytest.fixture
def third(stand: Stand) -> FakeHost:
    return stand.fleet.add_host(HostSpec(name="oslo", uri="qemu+ssh://oslo/system"))


def carried_off(stand: Stand) -> None:
    assert Accidents(stand.fleet).carried_off(VM, "tallinn", "oslo", keeps_definition=True)


@pytest.mark.parametrize("step", [Step.TRANSFERRING, Step.ACTIVATING])
@pytest.mark.parametrize("remembered", [True, False])
def test_one_that_runs_on_a_third_host_is_not_started_at_the_source(
    stand: Stand, third: FakeHost, step: Step, *, remembered: bool
) -> None:
    """The daemon was killed; a person started the VM and moved it on; also where its source forgot about that."""
    entry = stand.left_open(Method.COLD, step)
    carried_off(stand)
    if not remembered:
        stand.source.domains.known[VM].off = Off.UNKNOWN
    assert examine(entry, stand.services().ends).ruling.hold is Hold.RUNS_ELSEWHERE
    record = take_up(entry, stand.services())
    assert record is not None
    assert (record.outcome, stand.fleet.running(VM)) == (Outcome.HELD, (third.name,))
    assert "RUNS ON oslo" in record.reason
    assert f"ferryman recover {VM} --forget" in record.remedy
    assert stand.source.faults.made(Operation.START) == 0


def test_one_that_left_for_nobody_knows_where_is_not_started_again(stand: Stand) -> None:
    entry = stand.left_open(Method.COLD, Step.TRANSFERRING)
    here = stand.source.domains.known[VM]
    here.power, here.off = Power.SHUT_OFF, Off.LEFT
    record = take_up(entry, stand.services())
    assert record is not None
    assert (record.outcome, stand.fleet.running(VM)) == (Outcome.HELD, ())
    assert "somebody migrated it away" in record.reason


def test_one_that_is_carried_off_while_it_is_to_shut_down_is_not_taken_for_one_that_did(
    stand: Stand, third: FakeHost
) -> None:
    stand.source.domains.known[VM].shutdown = Shutdown.IGNORES
    faults, asked = stand.source.faults, Operation.REQUEST_SHUTDOWN
    order = stand.order(Method.COLD, cold=ColdSpec(presync=False))
    faults.before_next(asked, lambda: None)
    faults.before_next(asked, lambda: carried_off(stand))
    record = carry_out(order, stand.services())
    assert record is not None
    assert (record.outcome, stand.fleet.running(VM)) == (Outcome.HELD, (third.name,))


def test_a_silent_third_host_holds_up_no_move_that_was_watched_from_its_beginning(
    stand: Stand, third: FakeHost
) -> None:
    order = stand.order(Method.COLD)
    third.faults.unreachable = True
    record = carry_out(order, stand.services())
    assert record is not None
    assert (record.outcome, stand.fleet.running(VM)) == (Outcome.SUCCEEDED, ("skopje",))


def test_nor_one_whose_source_remembers_that_the_guest_ended_there(stand: Stand, third: FakeHost) -> None:
    entry = stand.left_open(Method.COLD, Step.TRANSFERRING)
    stand.source.domains.power_off(VM)
    third.faults.unreachable = True
    record = take_up(entry, stand.services())
    assert record is not None
    assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))


def test_where_nobody_remembers_a_silent_third_host_is_waited_for(stand: Stand, third: FakeHost) -> None:
    entry = stand.left_open(Method.COLD, Step.TRANSFERRING)
    stand.source.domains.known[VM].power = Power.SHUT_OFF
    third.faults.unreachable = True
    assert take_up(entry, stand.services()) is None
    assert stand.fleet.running(VM) == ()
    said = in_words(examine(entry, stand.services().ends))
    assert "oslo cannot be read, and may run it" in said.reason
    third.faults.unreachable = False
    record = take_up(entry, stand.services())
    assert record is not None
    assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))


def test_an_end_whose_libvirt_waits_for_its_qemu_is_unread_until_it_tells(stand: Stand) -> None:
    """libvirtd was killed while it started the VM there: whether it has run, the next one cannot say at once."""
    entry = stand.left_open(Method.COLD, Step.STARTING)
    stand.source.domains.power_off(VM)
    stand.destination.definitions.define(stand.source.domains.inspect(VM).xml, autostart=False)
    there = stand.destination.domains.known[VM]
    there.power, there.side = Power.PAUSED, MigrationSide.UNKNOWN
    assert take_up(entry, stand.services()) is None
    assert stand.fleet.running(VM) == ()
    there.power, there.side = Power.SHUT_OFF, MigrationSide.NONE
    record = take_up(entry, stand.services())
    assert record is not None
    assert (record.outcome, stand.fleet.running(VM)) == (Outcome.SUCCEEDED, ("skopje",))


class TestTags:
    @pytest.fixture(autouse=True)
    def tagged(self, stand: Stand) -> None:
        stand.me = Identity(id="4f2a", by="ann@desk")

    def test_one_that_another_daemon_took_up_meanwhile_is_left_to_it(self, stand: Stand) -> None:
        entry = stand.left_open(Method.COLD, Step.TRANSFERRING)
        stand.source.domains.known[VM].power = Power.SHUT_OFF
        stand.source.owner_tags.tag(VM, Owner(id="other", by="bob@desk", move="theirs", renewed_at=NOON))
        assert take_up(entry, stand.services()) is None
        assert stand.fleet.running(VM) == ()
        stand.clock.passed_ns += 11 * 60 * 10**9
        record = take_up(entry, stand.services())
        assert record is not None
        assert (record.outcome, stand.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))

    def test_ours_stays_fresh_however_long_the_guest_takes_to_shut_down(self, stand: Stand) -> None:
        stand.source.domains.known[VM].shutdown = Shutdown.IGNORES
        seen = []

        def looks() -> None:
            owner = stand.source.owner_tags.owner(VM)
            assert owner is not None
            seen.append(stand.clock.now() - owner.renewed_at)

        for _ in range(100):
            stand.source.faults.before_next(Operation.REQUEST_SHUTDOWN, looks)
        carry_out(stand.order(Method.COLD, cold=ColdSpec(shutdown_timeout_s=900, presync=False)), stand.services())
        assert len(seen) == 100
        assert max(seen).total_seconds() < 120
