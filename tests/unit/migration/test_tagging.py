"""While a VM moves its metadata say whose move it is; another daemon's word is respected."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from stand import NOON, VM, Stand

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import Operation, refused
from ferryman.fleet.fake.migration import Breakage
from ferryman.fleet.ownership import FRESH_FOR, Claim, Identity, Owner, claim_of, of_domain, of_xml, to_xml
from ferryman.fleet.values import Power
from ferryman.migration.attempt import carry_out, take_up
from ferryman.records.audit.record import Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method

ME = Identity(id="4f2a", by="ann@desk, process 7, state folder /state")
OTHER = Owner(id="5e3b", by="bob@desk, process 9, state folder /other", move="m-2", renewed_at=NOON)


@pytest.fixture
def tagging(stand: Stand) -> Stand:
    """The stand's daemon leaves tags."""
    stand.me = ME
    return stand


def tags(stand: Stand) -> list[Owner | None]:
    """At the hosts that have the VM."""
    return [host.owner_tags.owner(VM) for host in stand.fleet.hosts.values() if VM in host.domains.known]


@pytest.mark.parametrize("method", [Method.LIVE, Method.COLD])
def test_it_is_there_during_the_move_and_gone_after_it(tagging: Stand, method: Method) -> None:
    seen: list[Owner | None] = []
    operation = Operation.MIGRATE if method is Method.LIVE else Operation.REQUEST_SHUTDOWN
    tagging.source.faults.before_next(operation, lambda: seen.extend(tags(tagging)))
    record = carry_out(tagging.order(method), tagging.services())
    assert record is not None
    assert record.outcome is Outcome.SUCCEEDED
    assert [(tag.id, tag.by, tag.move) for tag in seen if tag] == [(ME.id, ME.by, record.id)]
    assert tags(tagging) == [None]


def test_a_move_that_failed_leaves_none_either(tagging: Stand) -> None:
    tagging.source.faults.fail_next(Operation.MIGRATE)
    record = carry_out(tagging.order(Method.LIVE), tagging.services())
    assert record is not None
    assert (record.outcome, tags(tagging)) == (Outcome.FAILED, [None])


def test_one_that_is_held_keeps_it(tagging: Stand) -> None:
    tagging.fleet.plan_breakage(VM, Breakage(source=Power.SHUT_OFF, destination=Power.SHUT_OFF))
    record = carry_out(tagging.order(Method.LIVE), tagging.services())
    assert record is not None
    assert record.outcome is Outcome.HELD
    assert tagging.source.owner_tags.owner(VM) is not None


def test_of_two_that_began_at_once_the_one_whose_tag_came_first_takes_its_move_back(tagging: Stand) -> None:
    order = tagging.order(Method.LIVE)
    tagging.source.faults.before_next(
        Operation.OWNER, lambda: setattr(tagging.source.domains.known[VM], "tag", to_xml(OTHER))
    )
    record = carry_out(order, tagging.services())
    assert record is not None
    assert (record.outcome, tagging.fleet.running(VM)) == (Outcome.FAILED, ("tallinn",))
    assert OTHER.by in record.reason
    assert tagging.source.faults.made(Operation.MIGRATE) == 0


def test_a_host_that_cannot_be_tagged_moves_nothing(tagging: Stand) -> None:
    tagging.source.faults.fail_next(Operation.TAG)
    record = carry_out(tagging.order(Method.LIVE), tagging.services())
    assert record is not None
    assert record.outcome is Outcome.FAILED
    assert tagging.source.faults.made(Operation.MIGRATE) == 0


def test_a_move_that_is_taken_up_takes_its_tag_away(tagging: Stand) -> None:
    entry = tagging.left_open(Method.LIVE, Step.TRANSFERRING)
    tagging.source.owner_tags.tag(VM, replace(OTHER, id=ME.id))
    take_up(entry, tagging.services())
    assert tags(tagging) == [None]


def test_a_tag_that_could_not_be_taken_away_is_told(tagging: Stand) -> None:
    tagging.destination.faults.fail_next(Operation.UNTAG, refused(FailureKind.BUSY, "busy"))
    record = carry_out(tagging.order(Method.LIVE), tagging.services())
    assert record is not None
    assert (record.outcome, len(record.warnings)) == (Outcome.SUCCEEDED, 1)


class TestWhoseItIs:
    def test_anothers_is_respected_while_it_is_fresh(self) -> None:
        assert claim_of(OTHER, ME, NOON + FRESH_FOR - timedelta(seconds=1)) is Claim.AT_WORK
        assert claim_of(OTHER, ME, NOON + FRESH_FOR) is Claim.LEFT

    def test_a_clock_that_is_behind_takes_nothing_over(self) -> None:
        assert claim_of(OTHER, ME, NOON - timedelta(days=1)) is Claim.AT_WORK

    def test_our_own_and_none_claim_nothing(self) -> None:
        assert claim_of(replace(OTHER, id=ME.id), ME, NOON) is Claim.NONE
        assert claim_of(None, ME, NOON) is Claim.NONE


class TestWhatSomebodyWroteThere:
    @pytest.mark.parametrize(
        "text", ["", "<owner", "<owner/>", "<owner id='x' renewed='soon'/>", "<owner id='x' renewed='2026-11-23'/>"]
    )
    def test_what_is_no_tag_of_ours_claims_nothing(self, text: str) -> None:
        assert of_xml(text) is None

    def test_a_long_one_is_cut(self) -> None:
        found = of_xml(to_xml(replace(OTHER, by="x" * 100_000, move="y" * 100_000)))
        assert found is not None
        assert len(found.by) == len(found.move) == 200

    def test_in_a_definition_it_is_found_by_its_namespace_alone(self) -> None:
        ours = "<o:owner xmlns:o='urn:ferryman:owner:1' id='5e3b' renewed='2026-11-23T12:00:00+00:00'/>"
        xml = f"<domain><metadata><owner id='9' renewed='2026-11-23T12:00:00+00:00'/>{ours}</metadata></domain>"
        found = of_domain(xml)
        assert found is not None
        assert (found.id, found.renewed_at) == ("5e3b", NOON)
        assert of_domain("<domain/>") is None
