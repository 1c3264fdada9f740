"""A method is taken by what it is predicted to cost, and refused where that would break the spec's promise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readings import detail, vm_spec

from ferryman.planning.findings import FindingCode
from ferryman.planning.methods import Choice, NoChoice, candidates, choose
from ferryman.planning.plans import Prediction
from ferryman.specs.choices import Method
from ferryman.specs.vm_spec import VmSpec

ALL = ["live", "post-copy", "paused", "cold"]


def predicted(method: Method, downtime_ms: float | None, least_ms: float | None = None) -> Prediction:
    return Prediction(method=method, downtime_ms=downtime_ms, least_ms=least_ms, duration_s=3.0, basis="so it was seen")


def chosen(spec: VmSpec, *predictions: Prediction) -> Choice | NoChoice:
    return choose(spec, detail(), (), {one.method: one for one in predictions})


LIVE_TOO_LONG = predicted(Method.LIVE, 8_000, 8_000)
LIVE_SHORT = predicted(Method.LIVE, 80, 0)
POST_COPY = predicted(Method.POST_COPY, 100)


class TestAuto:
    def test_takes_the_least_disruptive_that_keeps_the_promise(self) -> None:
        spec = vm_spec(allow=["live", "post-copy"], max_downtime_ms=500)
        choice = chosen(spec, LIVE_SHORT, POST_COPY)
        assert isinstance(choice, Choice)
        assert (choice.method, choice.rejected) == (Method.LIVE, ())
        assert choice.predictions == (LIVE_SHORT, POST_COPY)
        assert choice.why.endswith("; predicted downtime 80 ms of the 500 ms that it promises")

    def test_passes_over_what_would_break_it_and_says_by_how_much(self) -> None:
        choice = chosen(vm_spec(allow=["live", "post-copy"], max_downtime_ms=500), LIVE_TOO_LONG, POST_COPY)
        assert isinstance(choice, Choice)
        assert choice.method is Method.POST_COPY
        (live,) = choice.rejected
        assert live.reason == "live would keep it down for 8,000 ms, and its spec promises 500 ms: so it was seen"

    def test_refuses_where_none_keeps_it(self) -> None:
        refused = chosen(vm_spec(allow=["live"], max_downtime_ms=500), LIVE_TOO_LONG)
        assert isinstance(refused, NoChoice)
        (finding,) = refused.findings
        assert finding.code is FindingCode.PROMISE_BROKEN
        assert finding.remedy

    def test_powers_nothing_off_for_having_a_live_move_refused(self) -> None:
        cold = predicted(Method.COLD, 90_000)
        refused = chosen(vm_spec(allow=["live", "cold"], max_downtime_ms=500), LIVE_TOO_LONG, cold)
        assert isinstance(refused, NoChoice)
        assert len(refused.findings) == 2

    @pytest.mark.parametrize("guess_ms", [None, 90_000.0])
    def test_a_guess_alone_refuses_nothing(self, guess_ms: float | None) -> None:
        choice = chosen(vm_spec(allow=["cold"], max_downtime_ms=500), predicted(Method.COLD, guess_ms))
        assert isinstance(choice, Choice)
        assert choice.method is Method.COLD

    def test_what_cannot_be_predicted_is_taken_and_told(self) -> None:
        choice = chosen(vm_spec(max_downtime_ms=500), predicted(Method.LIVE, None))
        assert isinstance(choice, Choice)
        assert choice.why.endswith("its downtime cannot be predicted (so it was seen)")

    def test_without_a_promise_the_least_disruptive_is_taken_however_long(self) -> None:
        choice = chosen(vm_spec(allow=["live", "post-copy"]), LIVE_TOO_LONG, POST_COPY)
        assert isinstance(choice, Choice)
        assert choice.method is Method.LIVE


class TestNamed:
    def test_is_refused_too_where_it_would_break_the_promise(self) -> None:
        refused = chosen(vm_spec(method="live", max_downtime_ms=500), LIVE_TOO_LONG)
        assert isinstance(refused, NoChoice)
        assert "8,000 ms" in refused.findings[0].reason

    def test_is_taken_as_named_where_only_a_guess_is_against_it(self) -> None:
        assert isinstance(chosen(vm_spec(method="cold", max_downtime_ms=5), predicted(Method.COLD, 90_000)), Choice)


@given(
    allow=st.lists(st.sampled_from(ALL), min_size=1, unique=True),
    figures=st.lists(st.tuples(st.none() | st.integers(0, 2_000), st.booleans()), min_size=4, max_size=4),
    promise=st.none() | st.integers(1, 2_000),
)
def test_auto_takes_only_what_is_allowed_and_nothing_that_would_surely_break_the_promise(
    allow: list[str], figures: list[tuple[int | None, bool]], promise: int | None
) -> None:
    spec = vm_spec(allow=allow, max_downtime_ms=promise)
    every = dict(zip((Method(name) for name in ALL), figures, strict=True))
    predictions = [
        predicted(method, figure, figure if measured else None)
        for method in candidates(spec, detail())
        for figure, measured in [every[method]]
    ]
    choice = chosen(spec, *predictions)
    keeping = [one for one in predictions if one.keeps(promise)]
    if isinstance(choice, NoChoice):
        assert not keeping
        assert all(finding.remedy for finding in choice.findings)
        return
    assert choice.method in spec.allow
    (taken,) = [one for one in predictions if one.method is choice.method]
    assert not taken.breaks(promise)
    assert taken is (keeping or predictions)[0]
