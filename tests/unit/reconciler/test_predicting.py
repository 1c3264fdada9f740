"""Guests with a promise are watched before they move, and their moves are chosen by what was seen."""

from __future__ import annotations

import threading

import pytest
from house import PATIENCE_S, Daemon, House

from ferryman.fleet.fake.faults import Operation
from ferryman.fleet.values import DirtyRate
from ferryman.planning.decisions import Refused
from ferryman.reconciler.dirty_rates import REFRESH_S
from ferryman.records.state.conditions import Status
from ferryman.specs.choices import Method

MIB = 1024 * 1024
BUSY = 1_000 * MIB
"""More than any link here carries."""
PROMISE = "max_downtime_ms = 800\n"


@pytest.fixture
def promised(house: House) -> House:
    """A VM on tallinn whose spec makes a promise."""
    house.settled_vm("guest-01", "tallinn", PROMISE)
    return house


def watched(house: House, host: str = "tallinn") -> int:
    return house.at(host).faults.made(Operation.DIRTY_RATE)


def look_and_watch(house: House, daemon: Daemon) -> None:
    """A look, and the measurement that it begins, to its end."""
    measured = threading.Event()
    house.rates.on_kept = measured.set
    daemon.look()
    assert measured.wait(PATIENCE_S)


def write_fast(house: House) -> None:
    house.at("tallinn").domains.known["guest-01"].dirty_bytes_s = BUSY


def decided(daemon: Daemon, *, patient: bool = False) -> Status:
    return daemon.loop.look(patient=patient).statuses["guest-01"]


class TestWatching:
    def test_a_vm_with_a_promise_is_watched_once_and_again_later(self, promised: House) -> None:
        daemon = promised.start()
        look_and_watch(promised, daemon)
        daemon.look()
        assert watched(promised) == 1
        promised.clock.passed_s += REFRESH_S
        look_and_watch(promised, daemon)
        assert watched(promised) == 2

    def test_nobody_watches_a_vm_without_one_nor_one_that_is_off(self, house: House) -> None:
        house.settled_vm("guest-01", "tallinn")
        house.settled_vm("guest-02", "tallinn", PROMISE)
        house.at("tallinn").domains.power_off("guest-02")
        daemon = house.start()
        daemon.look()
        daemon.close()
        assert watched(house) == 0

    def test_nor_one_on_a_host_that_a_move_leaves(self, promised: House) -> None:
        promised.settled_vm("guest-02", "tallinn")
        promised.vm("guest-02", "skopje")
        promised.gates.close("guest-02")
        daemon = promised.start()
        daemon.look()
        daemon.look()
        assert watched(promised) == 0

    def test_what_fails_is_not_known_and_disturbs_nothing(self, promised: House) -> None:
        faults = promised.at("tallinn").faults
        tried = threading.Event()
        faults.before_next(Operation.DIRTY_RATE, tried.set)
        faults.fail_next(Operation.DIRTY_RATE)
        daemon = promised.start()
        daemon.look()
        assert tried.wait(PATIENCE_S)
        promised.vm("guest-01", "skopje", PROMISE)
        daemon.until_quiet()
        (record,) = promised.records()
        (live,) = record.predictions
        assert "dirty rate not known" in live.basis
        assert (live.downtime_ms, record.prediction_error_ms, record.dirty) == (None, None, None)


class TestDeciding:
    def test_a_guest_that_writes_too_fast_is_refused_with_figures_and_remedy(self, promised: House) -> None:
        write_fast(promised)
        daemon = promised.start()
        look_and_watch(promised, daemon)
        promised.vm("guest-01", "skopje", PROMISE)
        refused = decided(daemon)
        assert isinstance(refused, Refused)
        said = promised.said("guest-01")
        assert (said.type, said.reason) == ("Stalled", "PromiseWouldBreak")
        assert "it writes 1,000 MiB/s" in said.message
        assert "max_downtime_ms" in said.remedy
        assert promised.fleet.running("guest-01") == ("tallinn",)

    def test_where_its_spec_allows_post_copy_that_is_taken_and_the_record_says_why(self, promised: House) -> None:
        write_fast(promised)
        daemon = promised.start()
        look_and_watch(promised, daemon)
        promised.vm("guest-01", "skopje", PROMISE + 'allow = ["live", "post-copy"]\n')
        daemon.until_quiet()
        (record,) = promised.records()
        assert record.method is Method.POST_COPY
        assert [(no.method, "it writes" in no.reason) for no in record.rejected] == [(Method.LIVE, True)]
        assert [(one.method, one.chosen) for one in record.predictions] == [
            (Method.LIVE, False),
            (Method.POST_COPY, True),
        ]
        assert record.dirty == DirtyRate(bytes_s=BUSY)
        assert record.prediction_error_s is not None

    def test_one_that_writes_as_fast_to_a_few_pages_only_goes_live(self, promised: House) -> None:
        write_fast(promised)
        promised.at("tallinn").domains.known["guest-01"].working_set_bytes = 16 * MIB
        daemon = promised.start()
        look_and_watch(promised, daemon)
        promised.vm("guest-01", "skopje", PROMISE)
        daemon.until_quiet()
        (record,) = promised.records()
        assert record.method is Method.LIVE
        assert record.dirty == DirtyRate(bytes_s=16 * MIB, watched_bytes=16 * MIB, watched_s=4)

    def test_a_quiet_one_goes_live(self, promised: House) -> None:
        daemon = promised.start()
        look_and_watch(promised, daemon)
        promised.vm("guest-01", "skopje", PROMISE)
        daemon.until_quiet()
        (record,) = promised.records()
        assert record.method is Method.LIVE
        assert record.dirty == DirtyRate(bytes_s=0)
        assert [one.chosen for one in record.predictions] == [True]

    def test_a_move_never_waits_for_a_measurement(self, promised: House) -> None:
        write_fast(promised)
        promised.vm("guest-01", "skopje", PROMISE)
        daemon = promised.start()
        daemon.look()
        assert promised.heard.begun_vms == ["guest-01"]

    def test_but_one_that_is_not_hurried_does(self, promised: House) -> None:
        write_fast(promised)
        promised.vm("guest-01", "skopje", PROMISE)
        assert isinstance(decided(promised.start(), patient=True), Refused)
        assert watched(promised) == 1
