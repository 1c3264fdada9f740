"""A host's name comes to mean another machine in the middle of a move: what the first one has is not known."""

from __future__ import annotations

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.values import Power, Snapshot
from ferryman.migration.attempt import carry_out, take_up
from ferryman.migration.settling.situation import examine, in_words
from ferryman.planning.decisions import Refused
from ferryman.reconciler.unfinished import obstacle
from ferryman.records.journal.entry import JournalEntry, Step
from ferryman.specs.choices import Method

ANOTHER = "0d6cf8b4-94b1-4fdb-9c2e-3a7b5f0c1d2e"


@pytest.fixture
def interrupted(stand: Stand) -> JournalEntry:
    """The daemon was stopped when the guest ran at the destination already; then its spec was repointed."""
    stand.source.faults.fail_next(Operation.START, times=9)
    stand.destination.faults.before_next(Operation.START, stand.stop.set)
    stand.destination.faults.fail_next(Operation.START, stand.destination.faults.unreachable_error(), after_effect=True)
    assert carry_out(stand.order(Method.COLD), stand.services()) is None
    (entry,) = stand.journal.entries()
    assert entry.step is Step.STARTING
    assert (entry.source_machine, entry.destination_machine) == (stand.source.uuid, stand.destination.uuid)
    stand.source.faults.heal()
    stand.stop.clear()
    return entry


def test_it_is_not_taken_for_the_one_that_the_move_began_with(stand: Stand, interrupted: JournalEntry) -> None:
    there = stand.destination.domains.known.pop(VM)
    stand.destination.uuid = ANOTHER
    assert take_up(interrupted, stand.services()) is None
    assert stand.source.domains.known[VM].power is Power.SHUT_OFF
    said = in_words(examine(interrupted, stand.services().ends))
    assert "skopje is another machine now" in said.reason
    assert "Correct `uri` in its spec" in said.remedy
    stand.destination.domains.known[VM] = there


def test_its_state_says_so_and_what_to_do(stand: Stand, interrupted: JournalEntry) -> None:
    stand.destination.uuid = ANOTHER
    snapshot = Snapshot(hosts={name: host.read() for name, host in stand.fleet.hosts.items()})
    found = obstacle(interrupted, stand.specs, snapshot)
    assert isinstance(found, Refused)
    assert ANOTHER in found.findings[0].reason
    assert "uri" in found.findings[0].remedy
    assert f"ferryman recover {VM} --forget" in found.findings[0].remedy
