"""Reading a domain's XML."""

from __future__ import annotations

import pytest

from ferryman.fleet.values import Interface
from ferryman.fleet.xml.domain import attached, interfaces

MAC = "52:54:00:00:00:01"


def domain(devices: str) -> str:
    return f"<domain><devices>{devices}</devices></domain>"


@pytest.mark.parametrize(
    ("kind", "rest", "expected"),
    [
        ("bridge", "<source bridge='br0'/>", Interface(mac=MAC, kind="bridge", source="br0")),
        (
            "bridge",
            "<source bridge='ovs0'/><virtualport type='openvswitch'/>",
            Interface(mac=MAC, kind="bridge", source="ovs0", virtual_port="openvswitch"),
        ),
        ("direct", "<source dev='eth0' mode='bridge'/>", Interface(mac=MAC, kind="direct", source="eth0")),
        ("network", "<source network='lan'/>", Interface(mac=MAC, kind="network", source="lan")),
        (
            "bridge",
            "<source network='lan' portid='6b9a' bridge='br0'/>",
            Interface(mac=MAC, kind="network", source="lan"),
        ),
        ("user", "", Interface(mac=MAC, kind="user", source="")),
    ],
)
def test_what_an_interface_joins(kind: str, rest: str, expected: Interface) -> None:
    xml = domain(f"<interface type='{kind}'><mac address='{MAC}'/>{rest}</interface>")
    assert interfaces(xml) == (expected,)


def test_what_ties_a_domain_to_things_outside_is_compared_whatever_its_spelling() -> None:
    here = domain("<disk type='file' device='disk'>\n  <target dev='vda'/>\n</disk><memballoon model='virtio'/>")
    assert attached(here) == attached(domain("<disk device='disk' type='file'><target dev='vda'></target></disk>"))
    assert attached(here) != attached(domain(""))
    assert attached(here, but=("vda",)) == attached(domain(""))
