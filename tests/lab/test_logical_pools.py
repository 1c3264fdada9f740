"""Disks in logical pools: libvirt's own driver for them, over a stand-in for LVM."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab
from volume_group import GROUP, volume_group, volumes

from ferryman.lab.guest_xml import DiskFormat
from ferryman.records.audit.record import Outcome
from ferryman.records.state.states import ConditionType
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

VM = "on-lvm"
MIB = 1024 * 1024
_DISK_MIB = 16
"""Whole extents: of another size QEMU would not mirror it, and preflight says so."""
_GROUP_MIB = 40


@pytest.fixture
def away(lab: RunningLab) -> Iterator[str]:
    """A host with a volume group."""
    host = lab.hosts[1]
    with volume_group(lab, host, _GROUP_MIB):
        yield host


@pytest.fixture
def guest(lab: RunningLab) -> Iterator[str]:
    """On another host, in a raw file."""
    lab.add_guest(VM, lab.hosts[0], disk_mib=_DISK_MIB, disk_format=DiskFormat.RAW)
    yield VM
    lab.remove_guest(VM)


def moved(daemon: DaemonRun, there: str, pools: str) -> None:
    """One move into the pool that this says, to its end."""
    spec = f"vms/{VM}.toml"
    text = daemon.specs.read(spec).partition("\n[storage]")[0]
    daemon.specs.write(spec, f'{text}\n[storage]\nsource_disks = "delete"\npools = {{ {pools} }}\n')
    before = daemon.lab.wait_until_ready(VM)
    daemon.specs.move(VM, there)
    # On a busy machine a host may not answer in time; then nothing has moved, and it is run again.
    assert any(daemon.once(timeout_s=300) == 0 for _ in range(3)), daemon.log_text()
    assert max(daemon.records(VM), key=lambda one: one.started_at).outcome is Outcome.SUCCEEDED
    assert daemon.lab.whereabouts(VM) == {there: "running"}
    assert daemon.lab.wait_until_ready(VM) >= before


@pytest.mark.parametrize("method", [Method.LIVE, Method.COLD])
def test_a_disk_becomes_a_logical_volume_and_a_file_again(
    method: Method, away: str, guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    home = lab.hosts[0]
    daemon = daemon_for(guest)
    daemon.specs.replace(f"vms/{guest}.toml", 'method = "auto"', f'method = "{method}"')
    moved(daemon, away, f'vms = "{GROUP}"')
    ((name, size),) = volumes(lab, away).items()
    assert size == _DISK_MIB * MIB
    assert f"/dev/{GROUP}/{name}" in lab.virsh(away, "domblklist", VM)
    assert "type='block'" in lab.virsh(away, "dumpxml", VM)
    assert not lab.disk(VM, home).exists()
    moved(daemon, home, f'{GROUP} = "vms"')
    # Deleted by libvirt, once the guest answered.
    assert volumes(lab, away) == {}


def test_a_volume_group_without_room_is_named_beforehand(
    away: str, guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    lab.virsh(away, "vol-create-as", GROUP, "others", "32M")
    daemon = daemon_for(guest)
    daemon.specs.append(f"vms/{guest}.toml", f'\n[storage]\npools = {{ vms = "{GROUP}" }}\n')
    daemon.specs.move(guest, away)
    with daemon.running():
        said = daemon.until_said(guest, ConditionType.STALLED, "PreflightFailed")
    assert GROUP in said.message
    assert "free" in said.message
    assert volumes(lab, away) == {"others": 32 * MIB}
