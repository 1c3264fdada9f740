"""Facts found out in the background, and kept."""

from __future__ import annotations

import threading

import pytest

from ferryman.fleet.errors import HostUnreachableError
from ferryman.fleet.fact_book import FactBook, peers_of
from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.fake.hosts import FakeFleet, FakeHost
from ferryman.fleet.host_facts import HostFacts, nothing_known
from ferryman.fleet.observing import FleetView
from ferryman.specs.host_spec import HostSpec

SOON_S = 20.0
SPECS = {name: HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("oslo", "skopje", "tallinn")}


@pytest.fixture
def fleet() -> FakeFleet:
    return FakeFleet(*SPECS.values())


@pytest.fixture
def host(fleet: FakeFleet) -> FakeHost:
    return fleet.hosts["oslo"]


def found(book: FactBook, host: FakeHost, older_than_s: float = 60.0) -> HostFacts:
    begun = book.begin(host, peers_of(host.name, SPECS), older_than_s)
    if begun is not None:
        begun.result(SOON_S)
    return book.known(host.name)


def test_nothing_is_known_before_it_is_found_out(host: FakeHost) -> None:
    book = FactBook()
    assert book.known("oslo") == nothing_known("oslo")
    assert set(found(book, host).peers) == {"skopje", "tallinn"}


def test_what_is_new_enough_is_not_asked_again(host: FakeHost) -> None:
    book = FactBook()
    found(book, host)
    found(book, host)
    assert host.faults.made(Operation.FACTS) == 1
    found(book, host, older_than_s=0.0)
    assert host.faults.made(Operation.FACTS) == 2


def test_a_host_that_fails_is_not_asked_again_at_once(host: FakeHost) -> None:
    book = FactBook()
    host.faults.fail_next(Operation.FACTS, HostUnreachableError("no route", "ping it"))
    assert found(book, host) == nothing_known("oslo")
    assert found(book, host) == nothing_known("oslo")
    assert host.faults.made(Operation.FACTS) == 1


def test_what_was_asked_of_an_earlier_fleet_is_not_written_down(host: FakeHost) -> None:
    book, asked, go_on = FactBook(), threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        assert go_on.wait(SOON_S)

    host.faults.before_next(Operation.FACTS, hold)
    begun = book.begin(host, (), 60.0)
    assert asked.wait(SOON_S)
    book.forget()
    go_on.set()
    assert begun is not None
    begun.result(SOON_S)
    assert book.known("oslo") == nothing_known("oslo")


def test_hosts_do_not_all_begin_with_the_same_peer() -> None:
    assert [peer.name for peer in peers_of("skopje", SPECS)] == ["tallinn", "oslo"]
    assert [peer.name for peer in peers_of("oslo", SPECS)] == ["skopje", "tallinn"]


def test_a_hurried_view_waits_for_no_facts_and_a_patient_one_for_all(fleet: FakeFleet) -> None:
    view = FleetView(fleet.connect, lambda: None)
    view.configure(SPECS)
    assert view.facts("oslo", patiently=False) == nothing_known("oslo")
    assert all(host.faults.made(Operation.FACTS) == 0 for host in fleet.hosts.values())
    assert view.facts("oslo", patiently=True).by_ssh
    assert view.facts("tallinn", patiently=False).by_ssh
    view.close()
