"""Every fault of `named.toml`, on real hosts, one after the other on one guest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from daemon_run import DaemonRun
from meeting import undergo
from named import NamedFault, named_faults
from running import RunningLab
from trial import Trial

ROWS = [pytest.param(fault, id=fault.name, marks=() if fault.quick else pytest.mark.soak) for fault in named_faults()]


@pytest.mark.parametrize("fault", ROWS)
def test_it_comes_to_what_is_named(
    lab: RunningLab, solo: str, daemon_for: Callable[..., DaemonRun], fault: NamedFault
) -> None:
    one = Trial.of(lab, daemon_for(solo), solo, fault.method)
    assert undergo(one, fault) == []
