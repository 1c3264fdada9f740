"""What people wrote into a VM's definition is theirs: title, description, foreign metadata, and a definition that is
not what runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.fleet.ownership import NAMESPACE
from ferryman.records.audit.record import Outcome

pytestmark = pytest.mark.soak

GUEST = "described"
TITLE, WORDS = "Books & more", "Ask <ops> first; line two"
URI, ITEM = "urn:example:inventory:1", '<item rack="7"><note>do &amp; not touch</note></item>'


@pytest.fixture
def guest(lab: RunningLab) -> Iterator[str]:
    """A running guest that people wrote about, and whose definition has two processors for its next start."""
    home = lab.hosts[0]
    lab.add_guest(GUEST, home)
    both = ("--live", "--config")
    lab.virsh(home, "desc", GUEST, *both, "--title", TITLE)
    lab.virsh(home, "desc", GUEST, *both, WORDS)
    lab.virsh(home, "metadata", GUEST, URI, *both, "--key", "inv", "--set", ITEM)
    lab.virsh(home, "setvcpus", GUEST, "2", "--maximum", "--config")
    lab.wait_until_ready(GUEST)
    yield GUEST
    lab.remove_guest(GUEST)


def written(lab: RunningLab, host: str, *flags: str) -> tuple[str | None, str | None, list[str], str | None]:
    """Title, description, metadata but for our own, and the number of processors."""
    root = ET.fromstring(lab.virsh(host, "dumpxml", GUEST, *flags))  # noqa: S314 - the VM is our own
    metadata = [
        ET.canonicalize(ET.tostring(one, encoding="unicode"), strip_text=True)
        for one in root.iterfind("./metadata/*")
        if not one.tag.startswith(f"{{{NAMESPACE}}}")
    ]
    return root.findtext("title"), root.findtext("description"), sorted(metadata), root.findtext("vcpu")


def moved(daemon: DaemonRun, away: str) -> None:
    daemon.specs.move(GUEST, away)
    assert daemon.once() == 0, daemon.log_text()
    record = daemon.records()[-1]
    assert (record.vm, record.destination, record.outcome) == (GUEST, away, Outcome.SUCCEEDED), record


def test_all_of_it_arrives_live_and_cold(lab: RunningLab, guest: str, daemon_for: Callable[..., DaemonRun]) -> None:
    home, away = lab.hosts[:2]
    daemon = daemon_for(guest)
    running, defined = written(lab, home), written(lab, home, "--inactive")
    assert (running[0], running[1], running[3]) == (TITLE, WORDS, "1")
    assert any("do &amp; not touch" in one for one in running[2])
    assert defined == (*running[:3], "2")

    moved(daemon, away)
    assert (written(lab, away), written(lab, away, "--inactive")) == (running, defined)

    daemon.specs.replace(f"vms/{guest}.toml", 'allow = ["live"]', 'allow = ["cold"]')
    moved(daemon, home)
    assert written(lab, home) == written(lab, home, "--inactive") == defined
    lab.wait_until_ready(guest)
