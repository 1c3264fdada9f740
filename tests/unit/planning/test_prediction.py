"""How long each method will keep a VM down."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import host_spec

from ferryman.fleet.values import DirtyRate
from ferryman.planning.links import Link, link
from ferryman.planning.modes import SwitchOver
from ferryman.planning.past import NO_HISTORY, History, PastMove
from ferryman.planning.plans import Prediction
from ferryman.planning.prediction import (
    POST_COPY_MS,
    SHUTDOWN_AND_BOOT_MS,
    SWITCH_OVER_MS,
    DirtyRateUnknown,
    Knowledge,
    Task,
    predict,
)
from ferryman.planning.remainder import rest_ms
from ferryman.specs.choices import Method
from ferryman.specs.host_spec import HostLimits, HostSpec

MIB = 1024 * 1024
VM = "guest-01"
UNKNOWN = DirtyRateUnknown(reason="the host did not answer")


def task(*, link_mib_s: int = 5, switch_over: SwitchOver = SwitchOver.ONE_ITERATION, mirrored: bool = True) -> Task:
    return Task(
        vm=VM,
        source="tallinn",
        destination="skopje",
        memory_bytes=100 * MIB,
        disk_bytes=50 * MIB,
        link=Link(bytes_s=link_mib_s * MIB, basis=f"{link_mib_s} MiB/s"),
        switch_over=switch_over,
        mirrored=mirrored,
    )


def knowing(dirty_mib_s: int | None, *past: PastMove) -> Knowledge:
    dirty = UNKNOWN if dirty_mib_s is None else DirtyRate(bytes_s=dirty_mib_s * MIB)
    return Knowledge(history=History.of(past), dirty=dirty)


def moved(method: Method, downtime_ms: float | None, *, to: str = "skopje", dirty_mib_s: int | None = None) -> PastMove:
    return PastMove(
        vm=VM,
        source="tallinn",
        destination=to,
        method=method,
        switch_over=SwitchOver.ONE_ITERATION,
        downtime_ms=downtime_ms,
        least_ms=None if downtime_ms is None else downtime_ms - 10,
        duration_s=7.0,
        memory_bytes=100 * MIB,
        link_bytes_s=5 * MIB,
        dirty=None if dirty_mib_s is None else DirtyRate(bytes_s=dirty_mib_s * MIB),
    )


class TestLive:
    def test_after_one_pass_all_that_was_written_meanwhile_is_sent(self) -> None:
        found = predict(Method.LIVE, task(), knowing(2))
        # 2 MiB/s and half a sampled page: 3 MiB/s.
        assert (found.downtime_ms, found.least_ms) == (12_000 + SWITCH_OVER_MS, 0)
        assert found.duration_s == pytest.approx(1.5 + 10 + 20 + 12)
        assert "it writes 2 MiB/s" in found.basis

    @pytest.mark.parametrize(("dirty_mib_s", "least_ms"), [(0, 0), (2, 0), (3, 200), (12, 2_000), (1000, 20_000)])
    def test_what_refuses_is_what_it_surely_wrote_in_the_second_that_it_was_watched(
        self, dirty_mib_s: int, least_ms: float
    ) -> None:
        assert predict(Method.LIVE, task(), knowing(dirty_mib_s)).least_ms == least_ms

    def test_memory_that_it_writes_again_and_again_is_sent_once(self) -> None:
        rate = DirtyRate(bytes_s=30 * MIB, watched_bytes=42 * MIB, watched_s=4)
        found = predict(Method.LIVE, task(), Knowledge(dirty=rate))
        # 30 MiB in the first second, 4 in each later one, and half a sampled page: 30 + 19 * 4 + 1 in a pass of 20 s,
        # but no more than all of its memory. At least 30 and 19 * 10 / 3, less a sampled page.
        assert (found.downtime_ms, found.least_ms) == (20_000 + SWITCH_OVER_MS, pytest.approx(18_267, abs=1))
        assert "it writes 30 MiB/s, and in 4 s 42 MiB" in found.basis
        guessed = replace(task(), link=replace(task().link, is_known=False))
        # Where a pass may be shorter, only what was seen.
        assert predict(Method.LIVE, guessed, Knowledge(dirty=rate)).least_ms == 8_000
        still = replace(rate, watched_bytes=30 * MIB)
        # 31 MiB, and in 19 s a third of the 2 MiB each that whole MiB a second hide in four.
        assert predict(Method.LIVE, task(), Knowledge(dirty=still)).downtime_ms == pytest.approx(8_793, abs=1)

    @pytest.mark.parametrize(
        ("dirty_mib_s", "downtime_ms", "least_ms"),
        [(2, 20, 0), (42, 20_000, 8_000)],
    )
    def test_on_the_ladder_passes_get_shorter_or_never_do(
        self, dirty_mib_s: int, downtime_ms: float, least_ms: float
    ) -> None:
        found = predict(Method.LIVE, task(switch_over=SwitchOver.LADDER), knowing(dirty_mib_s))
        assert (found.downtime_ms, found.least_ms) == (downtime_ms + SWITCH_OVER_MS, least_ms)

    def test_without_the_dirty_rate_it_goes_as_before(self) -> None:
        past = [moved(Method.LIVE, ms) for ms in (90.0, 110.0, 400.0)]
        found = predict(Method.LIVE, task(), knowing(None, *past))
        assert (found.downtime_ms, found.least_ms, found.duration_s) == (110, 80, 7)
        assert "the median of its last 3 moves" in found.basis
        assert "the host did not answer" in found.basis

    def test_with_neither_nothing_is_known_and_nothing_refused(self) -> None:
        found = predict(Method.LIVE, task(), knowing(None))
        assert (found.downtime_ms, found.least_ms, found.duration_s) == (None, None, None)
        assert not found.breaks(1)
        assert found.keeps(1)
        assert found.basis == "dirty rate not known: the host did not answer"

    def test_what_switching_over_takes_is_learned_from_moves_whose_dirty_rate_was_known(self) -> None:
        past = [moved(Method.LIVE, 8_300.0, dirty_mib_s=2), moved(Method.LIVE, 500.0)]
        found = predict(Method.LIVE, task(), knowing(0, *past))
        assert (found.downtime_ms, found.least_ms) == (300, 300)


class TestOtherMethods:
    def test_post_copy_is_as_short_however_fast_it_writes(self) -> None:
        found = predict(Method.POST_COPY, task(), knowing(10_000))
        assert (found.downtime_ms, found.least_ms) == (POST_COPY_MS + 4_000, None)

    def test_paused_sends_all_memory_while_it_stands_still(self) -> None:
        found = predict(Method.PAUSED, task(), knowing(None))
        assert (found.downtime_ms, found.least_ms) == (20_000 + SWITCH_OVER_MS, None)

    @pytest.mark.parametrize(("mirrored", "copying_ms"), [(True, 0), (False, 10_000)])
    def test_cold_shuts_down_and_boots_and_copies_unless_mirrored_before(
        self, *, mirrored: bool, copying_ms: float
    ) -> None:
        found = predict(Method.COLD, task(mirrored=mirrored), knowing(None))
        assert (found.downtime_ms, found.least_ms) == (SHUTDOWN_AND_BOOT_MS + copying_ms, None)
        assert found.duration_s == pytest.approx(1.5 + 90 + 10)

    @pytest.mark.parametrize("method", [Method.POST_COPY, Method.PAUSED, Method.COLD])
    def test_each_goes_by_the_vms_own_moves_where_there_are_any(self, method: Method) -> None:
        past = [moved(method, 700.0), moved(method, None), moved(Method.LIVE, 5.0), moved(method, 9_000.0, to="oslo")]
        found = predict(method, task(), knowing(0, *past))
        assert (found.downtime_ms, found.least_ms) == (700, 690)
        assert found.basis.startswith("as in its last move")


class TestLink:
    def between(self, *, cap: int = 0, speeds: tuple[int, ...] = ()) -> Link:
        source = HostSpec.model_validate(
            host_spec("tallinn").model_dump() | {"limits": HostLimits(links_mib_s={"skopje": cap} if cap else {})}
        )
        history = History(speeds={("tallinn", "skopje"): speeds}) if speeds else NO_HISTORY
        return link(source, host_spec("skopje"), history)

    def test_is_learned_from_past_moves_that_way_and_believed_at_once_when_it_gets_narrow(self) -> None:
        assert self.between(speeds=(110, 112, 5)).bytes_s == 110
        assert self.between(speeds=(5, 110, 112)).bytes_s == 5
        assert "past moves" in self.between(speeds=(5,)).basis

    def test_is_never_more_than_the_cap(self) -> None:
        assert self.between(cap=1, speeds=(5 * MIB,)).bytes_s == MIB

    def test_is_the_cap_or_a_cautious_guess_until_then_and_says_so(self) -> None:
        capped, guessed = self.between(cap=200), self.between()
        assert (capped.bytes_s, guessed.bytes_s) == (200 * MIB, 32 * MIB)
        assert "the cap in the specs" in capped.basis
        assert "a guess" in guessed.basis

    def test_the_other_direction_is_another_link(self) -> None:
        history = History.of([replace(moved(Method.LIVE, 1.0), source="skopje", destination="tallinn")])
        assert history.link_bytes_s("tallinn", "skopje") is None
        assert history.link_bytes_s("skopje", "tallinn") == 5 * MIB


RATES = st.integers(0, 2_000)
SPEEDS = st.integers(1, 2_000)
PAST = st.lists(
    st.builds(
        lambda ms, dirty: moved(Method.LIVE, ms, dirty_mib_s=dirty),
        st.floats(10, 10_000),
        st.none() | st.integers(0, 99),
    ),
    max_size=7,
)


@given(switch_over=st.sampled_from(SwitchOver), dirty=RATES, more=RATES, speed=SPEEDS, slower=SPEEDS, past=PAST)
def test_a_guest_that_writes_more_over_a_slower_link_is_never_down_for_less(
    switch_over: SwitchOver, dirty: int, more: int, speed: int, slower: int, past: list[PastMove]
) -> None:
    light = predict(
        Method.LIVE, task(link_mib_s=max(speed, slower), switch_over=switch_over), knowing(min(dirty, more), *past)
    )
    heavy = predict(
        Method.LIVE, task(link_mib_s=min(speed, slower), switch_over=switch_over), knowing(max(dirty, more), *past)
    )
    assert light.downtime_ms is not None
    assert heavy.downtime_ms is not None
    assert light.downtime_ms <= heavy.downtime_ms
    assert (light.least_ms or 0) <= (heavy.least_ms or 0)


@given(
    bytes_s=st.integers(0, 10**9),
    more=st.integers(0, 10**9),
    watched_s=st.floats(1.5, 60),
    times=st.tuples(st.floats(0, 600), st.floats(0, 600)),
)
def test_what_was_seen_is_told_again_and_longer_is_never_less(
    bytes_s: int, more: int, watched_s: float, times: tuple[float, float]
) -> None:
    rate = DirtyRate(bytes_s=bytes_s, watched_bytes=bytes_s + more, watched_s=watched_s)
    assert rate.written_bytes(1.0) == bytes_s
    assert rate.written_bytes(watched_s) == pytest.approx(bytes_s + more)
    assert rate.written_bytes(min(times)) <= rate.written_bytes(max(times))


@given(
    method=st.sampled_from([method for method in Method if method is not Method.AUTO]),
    switch_over=st.sampled_from(SwitchOver),
    dirty=st.none() | RATES,
    past=PAST,
    promise=st.integers(1, 100_000),
)
def test_what_is_refused_is_predicted_and_was_measured(
    method: Method, switch_over: SwitchOver, dirty: int | None, past: list[PastMove], promise: int
) -> None:
    found: Prediction = predict(method, task(switch_over=switch_over), knowing(dirty, *past))
    assert found.basis
    if found.breaks(promise):
        assert not found.keeps(promise)
        assert dirty is not None or past


@pytest.mark.parametrize("switch_over", SwitchOver)
def test_nothing_waits_longer_than_all_memory_takes(switch_over: SwitchOver) -> None:
    assert rest_ms(switch_over, 100 * MIB, DirtyRate(bytes_s=10**12), 5 * MIB) == 20_000
    assert rest_ms(SwitchOver.ONE_ITERATION, 100 * MIB, DirtyRate(bytes_s=2 * MIB), 5 * MIB) == 8_000
