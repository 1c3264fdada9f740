"""The other end of a move: names that differ there, an ejected image, and the disk that was left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab.layout import POOL_PATH
from ferryman.records.audit.record import Outcome

pytestmark = pytest.mark.soak

GUEST = "arriving"
IMAGE = f"{POOL_PATH}/seed.iso"
FAST = "/var/lib/libvirt/fast"
ARRIVALS = '\n[arrivals]\npools = { vms = "fast" }\nbridges = { kvmbr0 = "br7" }\n'


@pytest.fixture
def guest(lab: RunningLab) -> Iterator[str]:
    """A running guest on the first host, with an image in its CD-ROM drive."""
    home = lab.hosts[0]
    lab.add_guest(GUEST, home, off=True)
    image = lab.disk(GUEST, home).with_name("seed.iso")
    image.write_bytes(bytes(1024**2))
    cdrom = ["--type", "cdrom", "--mode", "readonly", "--targetbus", "sata", "--config"]
    lab.virsh(home, "attach-disk", GUEST, IMAGE, "sdc", *cdrom)
    lab.virsh(home, "start", GUEST)
    lab.wait_until_ready(GUEST)
    yield GUEST
    lab.remove_guest(GUEST)
    image.unlink()


@pytest.fixture
def differing(lab: RunningLab) -> Iterator[str]:
    """The second host, with a pool `fast` and a bridge br7 that reaches the same network."""
    away = lab.hosts[1]
    links = (
        "ip link add br7 type bridge && ip link set br7 up && ip link add to7 type veth peer name from7 && "
        "ip link set to7 master kvmbr0 up && ip link set from7 master br7 up"
    )
    on_host = lab.ledger.namespace(away)
    on_host.run("sh", "-c", f"mkdir -p {FAST} && {links}")
    lab.virsh(away, "pool-create-as", "fast", "dir", "--target", FAST)
    yield away
    lab.virsh(away, "pool-destroy", "fast")
    on_host.run("sh", "-c", f"ip link del to7; ip link del br7; rm -rf {FAST}")


def test_names_differ_there_the_image_is_ejected_and_old_disks_go(
    lab: RunningLab, guest: str, differing: str, daemon_for: Callable[..., DaemonRun]
) -> None:
    home, away = lab.hosts[0], differing
    daemon = daemon_for(guest)
    before = lab.counter(guest)
    host_file = daemon.specs.folder / "hosts" / f"{away}.toml"
    vm_file = daemon.specs.folder / "vms" / f"{guest}.toml"
    host_file.write_text(host_file.read_text() + ARRIVALS)
    vm_file.write_text("eject_cdrom = true\n" + vm_file.read_text() + '[storage]\nsource_disks = "delete"\n')
    daemon.specs.move(guest, away)

    shown = daemon.ferryman("plan", "--show-xml", "--json", "--specs", str(daemon.specs.folder))
    previewed = json.loads(shown.stdout)["xml"][guest]["destination"]
    assert f"{FAST}/{guest}.qcow2" in previewed
    assert 'bridge="br7"' in previewed
    assert IMAGE not in previewed

    assert daemon.once() == 0, daemon.log_text()
    (record,) = daemon.records()
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
    assert [(medium.target, medium.path) for medium in record.ejected] == [("sdc", IMAGE)]
    assert [(at.host, at.pool) for at in record.deleted_at_source] == [(home, "vms")]
    assert (record.left_behind, lab.disks(guest)) == ((), set())
    assert lab.wait_until_ready(guest) >= before
    for flag in ((), ("--inactive",)):
        there = lab.virsh(away, "dumpxml", guest, *flag)
        assert f"{FAST}/{guest}.qcow2" in there
        assert "br7" in there
        assert IMAGE not in there

    # Home again, and the copy in the pool `fast` stays, until gc takes it.
    daemon.specs.replace(
        f"vms/{guest}.toml", 'source_disks = "delete"', 'source_disks = "keep"\npools = { fast = "vms" }'
    )
    host_file = daemon.specs.folder / "hosts" / f"{home}.toml"
    host_file.write_text(host_file.read_text() + '\n[arrivals]\nbridges = { br7 = "kvmbr0" }\n')
    daemon.specs.move(guest, home)
    assert daemon.once() == 0, daemon.log_text()
    assert lab.wait_until_ready(guest) >= before
    specs = ("--specs", str(daemon.specs.folder))
    listed = daemon.ferryman("gc", *specs, "--json")
    (left,) = json.loads(listed.stdout)["leftovers"]
    assert (left["standing"], left["left"]["volume"]["pool"]) == ("safe", "fast"), left
    removed = daemon.ferryman("gc", *specs, "--delete")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert "1 removed" in removed.stdout
    assert lab.virsh(away, "vol-list", "fast").split() == []
    assert daemon.ferryman("gc", *specs).stdout.startswith("0 left behind")
    assert lab.wait_until_ready(guest) > before
