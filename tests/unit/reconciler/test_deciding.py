"""One look's decisions: each plan takes its share of limits and memory from those after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from house import House

from ferryman.fleet.errors import FailureKind
from ferryman.fleet.fake.faults import Operation, refused
from ferryman.fleet.observing import FleetView
from ferryman.fleet.ownership import Claim
from ferryman.planning.admission import Route
from ferryman.planning.decisions import Decision, Refused, Wait, WaitReason
from ferryman.planning.plans import Plan
from ferryman.reconciler.deciding import Decider, UnderWay
from ferryman.reconciler.memory import Memory, Setback
from ferryman.reconciler.wanting import Wanted
from ferryman.specs.fleet_spec import FleetLimits
from ferryman.specs.opening import open_source

ROOMY = FleetLimits()


@pytest.fixture
def pair(tmp_path: Path) -> House:
    """Two VMs of 1,000 MiB on tallinn that are wanted on skopje, which takes in four at a time."""
    house = House(tmp_path, tmp_path / "specs")
    for vm in ("guest-01", "guest-02"):
        house.settled_vm(vm, "tallinn", memory_mib=1000)
        house.vm(vm, "skopje")
    house.host("tallinn", "[limits]\noutgoing = 4\n")
    house.host("skopje", "[limits]\nincoming = 4\n")
    return house


def decider(house: House, under_way: list[UnderWay], limits: FleetLimits | None) -> Decider:
    wanted = Wanted(source=open_source(house.specs))
    wanted.refresh()
    assert wanted.specs is not None
    view = FleetView(house.fleet.connect, lambda: None)
    view.configure(wanted.specs.hosts)
    return Decider(
        claim=lambda _: Claim.NONE,
        specs=wanted.specs,
        view=view,
        snapshot=view.look(),
        memory=Memory(),
        now_ns=0,
        limits=limits,
        under_way=under_way,
    )


def decided(house: House, *under_way: UnderWay, limits: FleetLimits | None = ROOMY) -> Mapping[str, Decision]:
    found = decider(house, list(under_way), limits).decide(["guest-02", "guest-01"])
    return {vm: one.decision for vm, one in found.items()}


def to_skopje(vm: str, memory_mib: int) -> UnderWay:
    return UnderWay(way=Route(vm=vm, source="oslo", destination="skopje"), memory_mib=memory_mib)


@pytest.mark.parametrize(
    ("spare_mib", "kinds"),
    [(2000, [Plan, Plan]), (1999, [Plan, Refused]), (1000, [Plan, Refused]), (999, [Refused, Refused])],
)
def test_a_planned_vm_takes_its_memory_from_the_next(pair: House, spare_mib: int, kinds: list[type]) -> None:
    pair.at("skopje").memory_mib = 512 + spare_mib
    assert [type(one) for one in decided(pair).values()] == kinds


def test_so_does_one_that_is_under_way(pair: House) -> None:
    pair.at("skopje").memory_mib = 512 + 2000
    found = decided(pair, to_skopje("guest-09", 1))
    assert [type(one) for one in found.values()] == [Plan, Refused]


def test_a_refused_vm_takes_nothing(pair: House) -> None:
    pair.at("skopje").memory_mib = 512 + 1000
    pair.at("tallinn").domains.known["guest-01"].memory_mib = 1001
    assert [type(one) for one in decided(pair).values()] == [Refused, Plan]


def test_the_fleets_limit_counts_what_is_under_way(pair: House) -> None:
    found = decided(pair, to_skopje("guest-09", 1), limits=FleetLimits(migrations=2))
    assert isinstance(found["guest-01"], Plan)
    waits = found["guest-02"]
    assert isinstance(waits, Wait)
    assert waits.reason is WaitReason.LIMIT
    assert "[limits] migrations = 2" in waits.message


def test_a_preview_knows_no_limits(pair: House) -> None:
    pair.host("skopje")
    assert [type(one) for one in decided(pair).values()] == [Plan, Wait]
    assert [type(one) for one in decided(pair, limits=None).values()] == [Plan, Plan]


@pytest.mark.parametrize(("host", "operation"), [("tallinn", Operation.INSPECT), ("skopje", Operation.DESCRIBE)])
def test_an_end_that_cannot_be_looked_at_closely_moves_only_that_vm_later(
    pair: House, host: str, operation: Operation
) -> None:
    faults = pair.at(host).faults
    faults.fail_next(operation, faults.unreachable_error())
    found = decided(pair)
    waits = found["guest-01"]
    assert isinstance(waits, Wait)
    assert waits.reason is WaitReason.HOST_UNREACHABLE
    assert waits.remedy
    assert isinstance(found["guest-02"], Plan)


def test_a_vm_that_changes_under_the_look_is_looked_at_again(pair: House) -> None:
    pair.at("tallinn").faults.fail_next(Operation.INSPECT, refused(FailureKind.NOT_FOUND, "no domain"))
    waits = decided(pair)["guest-01"]
    assert isinstance(waits, Wait)
    assert waits.reason is WaitReason.CHANGING


def test_a_setback_holds_back_its_own_spec_only_until_it_is_due(pair: House) -> None:
    one = decider(pair, [], FleetLimits())
    spec = one.specs.vms["guest-01"]
    setback = Setback(towards=spec, failures=2, retry_at_ns=10, reason="it broke", remedy="mend it")
    one.memory.setbacks["guest-01"] = setback
    waits = one.decide(["guest-01"])["guest-01"].decision
    assert isinstance(waits, Wait)
    assert (waits.reason, waits.remedy) == (WaitReason.RETRY, "mend it")
    assert "attempt 2 failed: it broke" in waits.message
    one.now_ns = 10
    assert isinstance(one.decide(["guest-01"])["guest-01"].decision, Plan)
    one.now_ns = 0
    assert one.memory.setback(spec.model_copy(update={"host": "oslo"})) is None
