"""The daemon is killed at every step of every method, and somewhat later; the next one brings the move to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from trial import Trial

pytestmark = pytest.mark.soak

STEPS = {
    "live": ("preparing", "transferring", "finishing"),
    "cold": ("preparing", "transferring", "activating", "starting", "finishing"),
    "post-copy": ("preparing", "transferring", "switching", "finishing"),
    "paused": ("preparing", "transferring", "finishing"),
}
AFTER_S = (0.0, 0.05, 0.3)


@pytest.mark.parametrize("after_s", AFTER_S)
@pytest.mark.parametrize(("method", "step"), [(method, step) for method, steps in STEPS.items() for step in steps])
def test_killed(trial: Callable[..., Trial], method: str, step: str, after_s: float) -> None:
    one = trial(method)
    with one.on_a_link_that_stalls() if step == "switching" else nullcontext():
        one.is_killed_at(step, after_s)
    after = one.arrives()
    assert after.whereabouts == {one.away: "running"}
    assert after.counter >= one.counter
    assert after.journal == ()
    assert len(after.recorded) == len(set(after.recorded)) > 0
