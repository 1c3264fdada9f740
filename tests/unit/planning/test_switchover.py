"""The foot of the ladder of downtime limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import detail, reading

from ferryman.planning.switchover import FAST_MS, SAFE_MS, first_downtime_ms

QEMU_7_2, QEMU_9_0 = 7_002_000, 9_000_000


@pytest.mark.parametrize(
    ("virtualization", "version", "promise_ms", "expected_ms"),
    [
        ("kvm", QEMU_7_2, None, FAST_MS),
        ("kvm", QEMU_7_2, 5, 5),
        ("qemu", QEMU_9_0, None, FAST_MS),
        ("qemu", QEMU_7_2, None, SAFE_MS),
        # A promise can be missed, and is then recorded as missed; a lost write cannot be mended.
        ("qemu", QEMU_7_2, 50, SAFE_MS),
    ],
)
def test_begins_low_but_where_the_hypervisor_would_lose_writes(
    virtualization: str, version: int, promise_ms: int | None, expected_ms: int
) -> None:
    source = replace(reading("tallinn"), hypervisor_version=version)
    assert first_downtime_ms(detail(virtualization=virtualization), source, promise_ms) == expected_ms
