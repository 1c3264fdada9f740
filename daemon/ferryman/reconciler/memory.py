"""What the loop remembers between two looks. All of it can be lost without a VM being moved twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ferryman.fleet.storage import VolumeRef
from ferryman.planning.aiming import LastPlaced
from ferryman.planning.leftover import Leftover
from ferryman.planning.past import NO_HISTORY, History
from ferryman.planning.retrying import delay_s
from ferryman.records.audit.ledger import LeftBehind, VolumePlace, held, in_doubt, leftovers
from ferryman.records.audit.past import history_of
from ferryman.records.audit.record import MigrationRecord, Outcome, RemovalRecord
from ferryman.records.state.states import VmState
from ferryman.specs.fleet_spec import RetrySpec
from ferryman.specs.vm_spec import VmSpec

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """A VM's failed attempts since its wanted place last changed."""

    towards: VmSpec
    """What they tried to apply, the fleet's defaults included."""
    failures: int
    retry_at_ns: int
    reason: str
    remedy: str


@dataclass(slots=True, kw_only=True)
class Memory:
    """Read from the state folder at the start, kept up by the loop."""

    states: dict[str, VmState] = field(default_factory=dict)
    setbacks: dict[str, Setback] = field(default_factory=dict)
    leftovers: Mapping[VolumePlace, LeftBehind] = field(default_factory=dict)
    in_doubt: Mapping[VolumePlace, LeftBehind] = field(default_factory=dict)
    """Volumes of attempts that were left for a person to decide."""
    removals: Sequence[RemovalRecord] = ()
    """Nobody removes volumes while the daemon runs: the folder has one writer."""
    held: Mapping[str, MigrationRecord] = field(default_factory=dict)
    """VMs whose newest attempt was left for a person to decide."""
    history: History = NO_HISTORY
    """What past moves teach."""

    @classmethod
    def of(
        cls, states: dict[str, VmState], records: Sequence[MigrationRecord], removals: Sequence[RemovalRecord] = ()
    ) -> Memory:
        """What the state folder remembers."""
        memory = cls(states=states, removals=removals)
        memory.learn(records)
        return memory

    def learn(self, records: Sequence[MigrationRecord]) -> None:
        """Go by all these audit records."""
        self.leftovers = leftovers(records, self.removals)
        self.in_doubt = in_doubt(records, self.removals)
        self.held = held(records)
        self.history = history_of(records)

    def remember(self, record: MigrationRecord, towards: VmSpec | None, retry: RetrySpec, now_ns: int) -> None:
        """Count a failed attempt to apply this spec, and when to try again; one that succeeded ends the count.

        `towards` None: the spec is gone, and nothing is tried again.
        """
        before = self.setback(towards) if towards else None
        self.setbacks.pop(record.vm, None)
        if record.outcome is Outcome.SUCCEEDED or towards is None:
            return
        failures = before.failures + 1 if before else 1
        self.setbacks[record.vm] = Setback(
            towards=towards,
            failures=failures,
            retry_at_ns=now_ns + int(delay_s(failures, retry) * _NS_PER_S),
            reason=record.reason,
            remedy=record.remedy,
        )

    def placed(self, vm: str) -> LastPlaced | None:
        """Where the VM was last seen converged."""
        state = self.states.get(vm)
        if state is None or state.placed is None:
            return None
        return LastPlaced(home=state.placed.home, host=state.placed.host)

    def setback(self, spec: VmSpec) -> Setback | None:
        """The failed attempts to apply just this spec; those of an earlier one no longer count."""
        found = self.setbacks.get(spec.name)
        return found if found is not None and found.towards == spec else None

    def leftovers_at(self, host: str) -> dict[VolumeRef, Leftover]:
        """The volumes at a host that moves left behind, those in doubt among them."""
        found = {}
        for place, left in {**self.leftovers, **self.in_doubt}.items():
            if place.host == host:
                ref = VolumeRef(pool=place.pool, name=place.name)
                doubt = left.record.id if place in self.in_doubt else ""
                found[ref] = Leftover(host=host, ref=ref, vm_uuid=left.record.uuid, in_doubt=doubt)
        return found
