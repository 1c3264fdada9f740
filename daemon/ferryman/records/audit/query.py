"""Which audit records somebody asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ferryman.records.audit.head import Outcome, RecordHead, Verdict
from ferryman.specs.choices import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Every condition that is set must hold; a set of several is met by any one of them, an empty one by all."""

    vms: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    """At either end."""
    methods: frozenset[Method] = frozenset()
    verdicts: frozenset[Verdict] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()
    since: datetime | None = None
    """Begun then or later."""
    until: datetime | None = None
    """Begun before."""

    @classmethod
    def of_vm(cls, vm: str) -> Query:
        """All moves of one VM."""
        return cls(vms=frozenset({vm}))

    def matches(self, record: RecordHead) -> bool:
        """Whether the record is one of those asked for."""
        return (
            (not self.vms or record.vm in self.vms)
            and (not self.hosts or not self.hosts.isdisjoint((record.source, record.destination)))
            and (not self.methods or record.method in self.methods)
            and (not self.verdicts or record.verdict in self.verdicts)
            and (not self.outcomes or record.outcome in self.outcomes)
            and (self.since is None or record.started_at >= self.since)
            and (self.until is None or record.started_at < self.until)
        )


ALL = Query()
