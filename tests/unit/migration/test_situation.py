"""How an open move stands, in words."""

from __future__ import annotations

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.domain import parsed
from ferryman.fleet.values import MigrationSide, Power
from ferryman.migration.attempt import take_up
from ferryman.migration.settling.actions import Action
from ferryman.migration.settling.ends import End, Seen
from ferryman.migration.settling.recovery import Ruling
from ferryman.migration.settling.situation import Situation, examine, in_words
from ferryman.records.audit.record import Outcome
from ferryman.records.journal.entry import Step
from ferryman.specs.choices import Method

TOUCHES_NOTHING = {Action.WAIT_FOR_HOST, Action.HOLD}


@pytest.mark.parametrize("action", Action)
def test_every_action_has_a_meaning_and_a_remedy(stand: Stand, action: Action) -> None:
    entry = stand.left_open(Method.LIVE, Step.TRANSFERRING)
    seen = Seen(source=End.RUNNING, destination=End.ABSENT)
    situation = Situation(entry=entry, seen=seen, ruling=Ruling(action=action))
    said = in_words(situation)
    assert said.reason
    assert "{" not in said.reason
    assert f"ferryman recover {VM} --" in said.remedy
    assert situation.acts is (action not in TOUCHES_NOTHING)


def test_looking_touches_nothing_and_says_what_taking_up_does_first(stand: Stand) -> None:
    entry = stand.left_open(Method.COLD, Step.TRANSFERRING)
    stand.source.domains.known[VM].power = Power.SHUT_OFF
    before = stand.volumes_at_destination()
    situation = examine(entry, stand.services().ends)
    assert situation.seen == Seen(source=End.SHUT_OFF, destination=End.ABSENT)
    assert situation.ruling.action is Action.START_SOURCE
    assert (stand.fleet.running(VM), stand.volumes_at_destination()) == ((), before)
    take_up(entry, stand.services())
    assert stand.fleet.running(VM) == ("tallinn",)


@pytest.mark.parametrize("step", [Step.PREPARING, Step.TRANSFERRING, Step.FINISHING])
def test_a_host_that_stays_silent_is_left_after_half_a_minute_with_the_move_open(stand: Stand, step: Step) -> None:
    entry = stand.left_open(Method.LIVE, step)
    stand.destination.faults.unreachable = True
    assert take_up(entry, stand.services()) is None
    assert 30 <= stand.clock.passed_ns / 1e9 <= 35
    assert stand.journal.entries() == (entry,)


ENDS_IN = {
    Action.HOLD: {Outcome.HELD},
    Action.UNDO: {Outcome.FAILED},
    Action.SUCCEEDED: {Outcome.SUCCEEDED},
    Action.FINISH: {Outcome.SUCCEEDED},
    Action.START_DESTINATION: {Outcome.SUCCEEDED},
    Action.START_SOURCE: {Outcome.FAILED},
    Action.RESUME_SOURCE: {Outcome.FAILED},
    Action.ABORT: {Outcome.FAILED},
    Action.WAIT_FOR_POWER: {Outcome.FAILED},
}
"""Where nothing else happens meanwhile."""


@pytest.mark.parametrize("method", [Method.LIVE, Method.COLD])
@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("source", [None, Power.RUNNING, Power.PAUSED, Power.SHUT_OFF])
@pytest.mark.parametrize("there", [None, Power.PAUSED, Power.SHUT_OFF])
def test_what_is_shown_of_a_move_is_what_taking_it_up_does(
    stand: Stand, method: Method, step: Step, source: Power | None, there: Power | None
) -> None:
    entry = stand.left_open(method, step)
    if there is not None:
        copy = parsed(stand.source.domains.known[VM].xml)
        copy.power, copy.persistent = there, there is Power.SHUT_OFF
        copy.side = MigrationSide.INCOMING if there is Power.PAUSED else MigrationSide.NONE
        stand.destination.domains.known[VM] = copy
    if source is None:
        del stand.source.domains.known[VM]
    else:
        stand.source.domains.known[VM].power = source
    shown = examine(entry, stand.services().ends).ruling.action
    record = take_up(entry, stand.services())
    assert record is not None
    assert record.outcome in ENDS_IN[shown]
