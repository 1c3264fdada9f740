"""From a decision to an attempt's order."""

from __future__ import annotations

from ferryman.migration.order import Order
from ferryman.planning.plans import Plan
from ferryman.reconciler.deciding import Decided
from ferryman.records.audit.record import CauseRecord
from ferryman.specs.loading import Specs


def order_of(decided: Decided, specs: Specs, record_id: str, *, attempt: int) -> Order:
    """Everything that the attempt needs to know. Raises AssertionError for a decision that is no plan."""
    plan, detail = decided.decision, decided.detail
    if not isinstance(plan, Plan) or detail is None:
        raise AssertionError("only a plan is begun")
    spec = specs.vms[plan.vm]
    return Order(
        id=record_id,
        plan=plan,
        spec=spec,
        vm=detail,
        source=specs.hosts[plan.source],
        destination=specs.hosts[plan.destination],
        cause=CauseRecord(
            kind=plan.cause,
            revision=specs.revision.id,
            author=specs.revision.author,
            subject=specs.revision.subject,
        ),
        attempt=attempt,
        settle_ms=specs.fleet.settle_ms,
        prober=specs.hosts[spec.probe.from_host] if spec.probe.from_host else None,
    )
