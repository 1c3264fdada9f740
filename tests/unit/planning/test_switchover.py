"""Who stops the guest at the source."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import detail, reading

from ferryman.planning.decisions import SwitchOver
from ferryman.planning.switchover import switch_over

QEMU_7_2, QEMU_9_0 = 7_002_000, 9_000_000


@pytest.mark.parametrize(
    ("virtualization", "version", "expected"),
    [
        ("kvm", QEMU_7_2, SwitchOver.LADDER),
        ("qemu", QEMU_9_0, SwitchOver.LADDER),
        ("qemu", QEMU_7_2, SwitchOver.SUSPEND),
    ],
)
def test_the_hypervisor_stops_it_but_where_it_would_lose_writes(
    virtualization: str, version: int, expected: SwitchOver
) -> None:
    source = replace(reading("tallinn"), hypervisor_version=version)
    assert switch_over(detail(virtualization=virtualization), source) is expected
