"""How many moves at a time, and when a failed one is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.planning.admission import Route, obstacle
from ferryman.planning.retrying import delay_s
from ferryman.specs.fleet_spec import FleetLimits, RetrySpec
from ferryman.specs.host_spec import HostLimits, HostSpec

NAMES = ("oslo", "skopje", "tallinn")


def hosts(outgoing: int = 1, incoming: int = 1) -> dict[str, HostSpec]:
    limits = HostLimits(outgoing=outgoing, incoming=incoming)
    return {name: HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system", limits=limits) for name in NAMES}


def way(source: str, destination: str, vm: str = "guest-01") -> Route:
    return Route(vm=vm, source=source, destination=destination)


class TestLimits:
    def test_the_first_move_may_begin(self) -> None:
        assert obstacle(way("tallinn", "skopje"), [], hosts(), FleetLimits()) is None

    @pytest.mark.parametrize(
        ("under_way", "expected"),
        [
            (way("tallinn", "oslo"), "tallinn sends 1 already ([limits] outgoing = 1)"),
            (way("oslo", "skopje"), "skopje receives 1 already ([limits] incoming = 1)"),
        ],
    )
    def test_a_host_that_is_busy_in_this_direction_is_waited_for(self, under_way: Route, expected: str) -> None:
        assert obstacle(way("tallinn", "skopje"), [under_way], hosts(), FleetLimits()) == expected

    def test_the_other_direction_counts_apart(self) -> None:
        assert obstacle(way("tallinn", "skopje"), [way("skopje", "tallinn")], hosts(), FleetLimits()) is None

    def test_the_fleets_own_limit_comes_last(self) -> None:
        under_way = [way("skopje", "tallinn")]
        full = obstacle(way("tallinn", "skopje"), under_way, hosts(), FleetLimits(migrations=1))
        assert full == "1 moves are under way in the fleet ([limits] migrations = 1)"


@given(
    asked=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=30),
    outgoing=st.integers(1, 4),
    incoming=st.integers(1, 4),
    migrations=st.integers(1, 6),
)
def test_no_limit_is_ever_exceeded(asked: list[tuple[str, str]], outgoing: int, incoming: int, migrations: int) -> None:
    under_way: list[Route] = []
    for source, destination in asked:
        asks = way(source, destination)
        if obstacle(asks, under_way, hosts(outgoing, incoming), FleetLimits(migrations=migrations)) is None:
            under_way.append(asks)
    assert len(under_way) <= migrations
    for name in NAMES:
        assert sum(one.source == name for one in under_way) <= outgoing
        assert sum(one.destination == name for one in under_way) <= incoming


class TestRetrying:
    def test_doubles_up_to_the_most(self) -> None:
        retry = RetrySpec(first_s=5, most_s=30)
        assert [delay_s(failures, retry) for failures in range(6)] == [0, 5, 10, 20, 30, 30]

    @given(failures=st.integers(1, 10**9), first=st.floats(0.001, 86_400), more=st.floats(0, 1000))
    def test_never_longer_than_the_most_nor_shorter_than_the_first(
        self, failures: int, first: float, more: float
    ) -> None:
        retry = RetrySpec(first_s=first, most_s=min(86_400, first + more))
        assert retry.first_s <= delay_s(failures, retry) <= retry.most_s
