"""Where a VM may stay while its home is in maintenance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import HOSTS, VM, domain, fleet, found_on, host_spec, reading, snapshot, unreachable, vm_spec

from ferryman.fleet.values import HostReading, Power, Unreachable
from ferryman.planning.aiming import Aim, aim
from ferryman.planning.placement import Fleet, obstacle, places, refusals, spare_memory_mib


class TestSpareMemory:
    def test_promised_memory_counts_not_used_memory(self) -> None:
        there = reading("skopje", domain("a", memory_mib=4096), domain("b", memory_mib=8192))
        look = Fleet(hosts={"skopje": host_spec("skopje")}, incoming_mib={"skopje": 1024})
        assert spare_memory_mib(there, look) == 16_384 - 512 - 4096 - 8192 - 1024

    def test_a_vm_that_is_off_takes_none_a_paused_one_does(self) -> None:
        off, paused = domain("a", Power.SHUT_OFF, 4096), domain("b", Power.PAUSED, 2048)
        assert spare_memory_mib(reading("skopje", off, paused), fleet()) == 16_384 - 512 - 2048

    def test_an_overcommitted_host_has_none_rather_than_less(self) -> None:
        assert spare_memory_mib(reading("skopje", domain("a", memory_mib=99_999)), fleet()) == 0


class TestPlaces:
    def test_the_roomiest_first_then_by_name(self) -> None:
        look = snapshot(reading("tallinn", domain()), reading("oslo", domain("a", memory_mib=1)))
        assert places(vm_spec(), fleet(), look, found_on("tallinn")) == ("skopje", "oslo")
        even = snapshot(reading("tallinn", domain()))
        assert places(vm_spec(), fleet(), even, found_on("tallinn")) == ("oslo", "skopje")

    def test_what_is_on_its_way_counts(self) -> None:
        look = Fleet(
            hosts=fleet().hosts,
            incoming_mib={"oslo": 16_000},
            incoming_vms={"skopje": frozenset({"guest-02"})},
        )
        spec = vm_spec(placement={"avoid": ["guest-02"]})
        assert places(spec, look, snapshot(), found_on("tallinn")) == ()

    def test_exactly_enough_memory_is_enough(self) -> None:
        full = reading("oslo", memory_mib=512 + 1024)
        look = snapshot(full)
        assert obstacle("oslo", vm_spec(), fleet(), look, found_on("tallinn")) is None
        less = snapshot(reading("oslo", memory_mib=512 + 1023))
        assert obstacle("oslo", vm_spec(), fleet(), less, found_on("tallinn")) == (
            "it has 1023 MiB of memory to spare, the VM needs 1024 MiB"
        )

    def test_a_vm_that_is_off_needs_none(self) -> None:
        look = snapshot(reading("oslo", memory_mib=512))
        assert obstacle("oslo", vm_spec(), fleet(), look, found_on("tallinn", Power.SHUT_OFF)) is None

    @pytest.mark.parametrize(
        ("host", "in_maintenance", "placement", "expected"),
        [
            ("tallinn", (), {}, "it is there now"),
            ("oslo", (), {"hosts": ["skopje"]}, "its spec's [placement] does not name it"),
            ("oslo", ("oslo",), {}, "it is in maintenance itself"),
            ("skopje", (), {}, "it cannot be reached"),
            ("oslo", (), {"avoid": ["guest-02"]}, "guest-02 is there, which its spec avoids"),
        ],
    )
    def test_each_obstacle_is_told(
        self, host: str, in_maintenance: tuple[str, ...], placement: dict[str, object], expected: str
    ) -> None:
        look = snapshot(unreachable("skopje"), reading("oslo", domain("guest-02")))
        spec = vm_spec(placement=placement)
        assert obstacle(host, spec, fleet(*in_maintenance), look, found_on("tallinn")) == expected

    def test_a_fleet_of_one_host_says_so(self) -> None:
        alone = Fleet(hosts={"tallinn": host_spec("tallinn", maintenance=True)})
        (finding,) = refusals(vm_spec("tallinn"), alone, snapshot(), found_on("tallinn"))
        assert finding.reason == "the fleet has no other host"


HOST_STATES = st.sampled_from(["silent", "empty", "full", "with-foe"])


def _reading(host: str, state: str) -> HostReading | Unreachable:
    match state:
        case "silent":
            return unreachable(host)
        case "full":
            return reading(host, domain("big", memory_mib=16_000))
        case "with-foe":
            return reading(host, domain("guest-02"))
        case _:
            return reading(host)


@given(
    home=st.sampled_from(HOSTS),
    in_maintenance=st.sets(st.sampled_from(HOSTS)),
    states=st.fixed_dictionaries({"oslo": HOST_STATES, "skopje": HOST_STATES}),
    allowed=st.none() | st.lists(st.sampled_from(HOSTS), unique=True),
    drift=st.sampled_from(["report", "correct"]),
)
def test_a_destination_can_always_be_read_and_an_evacuation_ends_nowhere_that_is_evacuated(
    home: str, in_maintenance: set[str], states: dict[str, str], allowed: list[str] | None, drift: str
) -> None:
    look = snapshot(reading("tallinn", domain(VM)), *(_reading(host, state) for host, state in states.items()))
    placement = {"avoid": ["guest-02"]} | ({} if allowed is None else {"hosts": allowed})
    decided = aim(vm_spec(home, placement=placement, drift=drift), fleet(*in_maintenance), look, None)
    if not isinstance(decided, Aim):
        return
    assert decided.source == "tallinn"
    assert decided.destinations
    for host in decided.destinations:
        assert look.reading(host) is not None
        assert host not in in_maintenance
        assert host != "tallinn"
        if host != home:
            assert allowed is None or host in allowed
            assert states[host] == "empty"
