"""What does not migrate, read from a domain's XML."""

from __future__ import annotations

import pytest

from ferryman.fleet.xml.live_obstacles import LiveObstacle, live_obstacles


def devices(xml: str) -> str:
    return f"<domain><devices>{xml}</devices></domain>"


def cpu(policy: str, clock: str = "") -> str:
    return f"<domain><cpu><feature policy='{policy}' name='invtsc'/></cpu><clock offset='utc'>{clock}</clock></domain>"


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (devices("<interface type='hostdev'/>"), LiveObstacle.HOST_INTERFACE),
        (devices("<interface type='hostdev'><source network='sriov'/></interface>"), LiveObstacle.HOST_INTERFACE),
        (devices("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"), LiveObstacle.VDPA),
        (devices("<filesystem type='mount'><driver type='virtiofs'/></filesystem>"), LiveObstacle.VIRTIOFS),
        (devices("<filesystem type='mount'><target dir='share'/></filesystem>"), LiveObstacle.NINE_P),
        (devices("<shmem name='s' role='master'><model type='ivshmem'/></shmem>"), LiveObstacle.SHARED_MEMORY),
        (devices("<shmem name='s' role='peer'><model type='ivshmem-plain'/></shmem>"), LiveObstacle.SHARED_MEMORY),
        (devices("<disk type='file'><target dev='vda'/><transient/></disk>"), LiveObstacle.TRANSIENT_DISK),
        (cpu("require"), LiveObstacle.INVARIANT_TSC),
        (cpu("require", "<timer name='tsc' mode='native'/>"), LiveObstacle.INVARIANT_TSC),
    ],
)
def test_what_does_not_migrate(xml: str, expected: LiveObstacle) -> None:
    assert live_obstacles(xml) == (expected,)


@pytest.mark.parametrize(
    "xml",
    [
        devices("<interface type='bridge'/><disk type='file'/>"),
        devices("<interface type='hostdev'><teaming type='transient' persistent='ua-one'/></interface>"),
        devices("<shmem name='s' role='master'><model type='ivshmem-plain'/></shmem>"),
        cpu("disable"),
        cpu("require", "<timer name='tsc' frequency='2600000000'/>"),
    ],
)
def test_what_does(xml: str) -> None:
    assert live_obstacles(xml) == ()


def test_each_kind_is_told_once() -> None:
    assert len(live_obstacles(devices("<interface type='vdpa'/>" * 2))) == 1
