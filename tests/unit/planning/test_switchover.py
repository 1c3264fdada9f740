"""When the guest is stopped at the source."""

from __future__ import annotations

from dataclasses import replace

import pytest
from readings import detail, reading

from ferryman.planning.findings import FindingCode
from ferryman.planning.modes import SwitchOver
from ferryman.planning.switchover import switch_over, untracked_writes

QEMU_7_2, QEMU_8_2, QEMU_9_0 = 7_002_000, 8_002_000, 9_000_000


@pytest.mark.parametrize(
    ("virtualization", "version", "expected"),
    [
        ("kvm", QEMU_7_2, SwitchOver.LADDER),
        ("qemu", QEMU_9_0, SwitchOver.LADDER),
        ("qemu", QEMU_7_2, SwitchOver.ONE_ITERATION),
    ],
)
def test_the_hypervisor_stops_it_but_where_it_would_lose_writes(
    virtualization: str, version: int, expected: SwitchOver
) -> None:
    source = replace(reading("tallinn"), hypervisor_version=version)
    assert switch_over(detail(virtualization=virtualization), source) is expected


@pytest.mark.parametrize(
    ("virtualization", "version", "expected"),
    [
        ("kvm", QEMU_8_2, []),
        ("qemu", QEMU_7_2, []),
        ("qemu", QEMU_8_2, [FindingCode.WRITES_UNTRACKED]),
        ("qemu", QEMU_9_0, []),
    ],
)
def test_a_guest_that_cannot_be_stopped_in_time_does_not_move_live(
    virtualization: str, version: int, expected: list[FindingCode]
) -> None:
    source = replace(reading("tallinn"), hypervisor_version=version)
    assert [found.code for found in untracked_writes(detail(virtualization=virtualization), source)] == expected
