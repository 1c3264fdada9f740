"""What a guest, or whoever defined it, can put into names, metadata, addresses and answers."""

from __future__ import annotations

from ipaddress import ip_address
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

import pytest
from fuzzing import NASTY, effort, texts
from hypothesis import given
from hypothesis import strategies as st

from ferryman.downtime.banner import ssh_identification
from ferryman.fleet import facts_script
from ferryman.fleet.addresses import told_addresses
from ferryman.fleet.host_facts import Peer
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml import drives
from ferryman.fleet.xml.adapting import Adaptation, DiskSource, SourceKind, adapted
from ferryman.fleet.xml.live_obstacles import live_obstacles
from ferryman.fleet.xml.machine import machine_needs
from ferryman.fleet.xml.showing import HIDDEN, printable

PRINTABLE = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30) | NASTY.map(
    lambda text: "".join(char for char in text if char.isprintable())
)
_TAGS = """
name uuid metadata devices disk source target driver interface mac os type backingStore cpu model feature
loader nvram tpm backend channel graphics hostdev
"""
_WORDS = """
user groups began ended userfaultfd qemu-user stp bridges filesystem access libvirtd closed-ports 0 1 all yes
no failed reached -1 ٣ 49152
"""
TAGS = st.sampled_from(_TAGS.split())
NAMES = st.sampled_from(
    ["type", "device", "file", "dev", "name", "pool", "volume", "bridge", "passwd", "machine", "index"]
)
ELEMENTS = st.recursive(
    PRINTABLE.map(escape),
    lambda inner: st.builds(
        lambda tag, attributes, children: (
            f"<{tag} {' '.join(f'{name}={quoteattr(value)}' for name, value in attributes.items())}>"
            f"{''.join(children)}</{tag}>"
        ),
        TAGS,
        st.dictionaries(NAMES, PRINTABLE, max_size=3),
        st.lists(inner, max_size=4),
    ),
    max_leaves=10,
)
DOMAINS = st.lists(ELEMENTS, max_size=5).map(
    lambda parts: f"<domain type='kvm'>{''.join(parts)}<devices>{''.join(reversed(parts))}</devices></domain>"
)
THERE = Adaptation(
    disks={"vda": DiskSource(kind=SourceKind.FILE, path="/pool/vda.img", format="raw")},
    bridges={"br0": "br1"},
    flattened=("vda",),
    emptied_drives=("sda",),
)


@effort
@given(xml=DOMAINS)
def test_any_definition_is_read_adapted_and_shown(xml: str) -> None:
    assert all(disk.device for disk in domain_xml.disks(xml))
    assert all(path for path in domain_xml.paths(xml))
    assert all(interface.kind is not None for interface in domain_xml.interfaces(xml))
    assert live_obstacles(xml) is not None
    assert domain_xml.attached(xml) == domain_xml.attached(xml)
    assert machine_needs(xml).emulator is not None
    for medium in drives.media(xml, xml):
        ET.fromstring(drives.replaced(xml, drives.emptied(medium.running)))
    for node in ET.fromstring(adapted(xml, THERE)).iterfind("./devices/disk"):
        target, source = node.find("target"), node.find("source")
        if target is not None and target.get("dev") == "vda" and source is not None:
            assert source.get("file") == "/pool/vda.img"
    shown = ET.fromstring(printable(xml))
    assert {node.get("passwd", HIDDEN) for node in shown.iter()} <= {HIDDEN}


@pytest.mark.parametrize(
    "definitions",
    [
        # Entities of entities: ten times ten times ten …
        "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12)),
        f"<!ENTITY e11 '{'x' * 100_000}'>",
        "<!ENTITY e11 SYSTEM 'file:///etc/passwd'>",
    ],
    ids=["many", "long", "outside"],
)
def test_entities_are_not_followed_to_where_they_hurt(definitions: str) -> None:
    bomb = f"<!DOCTYPE d [<!ENTITY e0 'x'>{definitions}]><domain><name>{'&e11;' * 1_000}</name></domain>"
    with pytest.raises(ET.ParseError):
        domain_xml.machine(bomb)


@effort
@given(found=st.lists(texts | st.ip_addresses().map(str), max_size=8))
def test_an_agent_tells_nothing_but_addresses_of_guests(found: list[str]) -> None:
    for address in told_addresses(found):
        assert not ip_address(address).is_loopback
        assert not ip_address(address).is_multicast


@effort
@given(received=st.binary(max_size=300) | st.binary(max_size=50).map(lambda rest: b"SSH-" + rest + b"\n"))
def test_a_banner_is_one_line_of_ascii_or_none(received: bytes) -> None:
    line = ssh_identification(received)
    assert line is None or (line.startswith("SSH-") and "\n" not in line)


WORDS = st.sampled_from([*_WORDS.split(), "9" * 30])


@effort
@given(lines=st.lists(st.lists(WORDS | texts, max_size=5).map(" ".join), max_size=20), asked=st.integers(0, 2**62))
def test_a_host_that_lies_is_only_not_known(lines: list[str], asked: int) -> None:
    peers = [Peer(name="skopje", uri="qemu+ssh://skopje/system", address="skopje")]
    output = "\n".join(lines)
    facts = facts_script.parse("tallinn", output, ["/pool"], peers, (asked, asked + 1))
    assert set(facts.peers) == {"skopje"}
    assert set(facts.folders) == {"/pool"}
