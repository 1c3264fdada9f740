"""Every method over every kind of disk, there and back: the guest counts on, and nothing else of it is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import block_devices
from ferryman.lab.guest_xml import DiskFormat, DiskHome
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.specs.choices import Method

pytestmark = pytest.mark.soak

_MIB = 16
_KINDS = {
    "qcow2": (DiskHome.COPY, DiskFormat.QCOW2),
    "raw": (DiskHome.COPY, DiskFormat.RAW),
    "block": (DiskHome.BLOCK, DiskFormat.RAW),
    "nfs": (DiskHome.NFS, DiskFormat.RAW),
    "iscsi": (DiskHome.ISCSI, DiskFormat.RAW),
    "mixed": (DiskHome.NFS, DiskFormat.RAW),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A running guest on one kind of disk; each test leaves it running on one of the first two hosts."""

    name: str
    home: DiskHome
    mixed: bool
    """With a second disk that is copied."""

    @property
    def storage(self) -> str:
        """What its spec says of its disks: a block device must be named before anything is written over it."""
        return f'[storage]\noverwrite = {{ vda = "blocks/{self.name}" }}\n' if self.home is DiskHome.BLOCK else ""

    @property
    def copies(self) -> bool:
        """Whether something of it is copied."""
        return self.mixed or self.home in (DiskHome.COPY, DiskHome.BLOCK)


@pytest.fixture(scope="module", params=sorted(_KINDS))
def subject(lab: RunningLab, request: pytest.FixtureRequest) -> Iterator[Subject]:
    home, image_format = _KINDS[request.param]
    first, second = lab.hosts[:2]
    name = f"on-{request.param}"
    subject = Subject(name=name, home=home, mixed=request.param == "mixed")
    lab.add_guest(name, first, off=subject.mixed, disk=home, disk_format=image_format, disk_mib=_MIB)
    if home is DiskHome.BLOCK:
        block_devices.add(lab.ledger, second, name, _MIB)
    if subject.mixed:
        attach_second_disk(lab, name, first)
        lab.virsh(first, "start", name)
        lab.wait_until_ready(name)
    yield subject
    lab.remove_guest(name)
    if home is DiskHome.BLOCK:
        for host in (first, second):
            block_devices.remove(lab.ledger, host, name)


def attach_second_disk(lab: RunningLab, vm: str, host: str) -> None:
    volume = f"{vm}.second.qcow2"
    lab.virsh(host, "vol-create-as", "vms", volume, "8M", "--format", "qcow2")
    path = lab.virsh(host, "vol-path", volume, "--pool", "vms").strip()
    options = ["--subdriver", "qcow2", "--targetbus", "virtio", "--config"]
    lab.virsh(host, "attach-disk", vm, path, "vdb", *options)


def moved(daemon: DaemonRun, subject: Subject, lab: RunningLab) -> MigrationRecord:
    """One move by a commit to the other of the first two hosts, to its end; its record."""
    (here,) = lab.whereabouts(subject.name)
    there = next(host for host in lab.hosts[:2] if host != here)
    state = lab.whereabouts(subject.name)[here]
    daemon.specs.move(subject.name, there)
    assert daemon.once(timeout_s=300) == 0, daemon.log_text()
    assert lab.whereabouts(subject.name) == {there: state}
    record = max(daemon.records(subject.name), key=lambda record: record.started_at)
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert bool(record.volumes_created or subject.home is DiskHome.BLOCK) == subject.copies
    return record


@pytest.mark.parametrize("method", [method for method in Method if method is not Method.AUTO])
def test_a_running_guest_counts_on_there_and_back(
    method: Method, subject: Subject, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    daemon = daemon_for(subject.name)
    spec = f"vms/{subject.name}.toml"
    daemon.specs.replace(spec, 'method = "auto"', f'method = "{method}"')
    daemon.specs.append(spec, subject.storage)
    before = lab.wait_until_ready(subject.name)
    for _ in ("there", "back"):
        record = moved(daemon, subject, lab)
        assert record.method is method
        assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
        after = lab.wait_until_ready(subject.name)
        assert after >= before
        before = after


def test_a_guest_that_is_off_goes_there_and_back_and_counts_on_when_started(
    subject: Subject, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    daemon = daemon_for(subject.name)
    daemon.specs.append(f"vms/{subject.name}.toml", subject.storage)
    before = lab.wait_until_ready(subject.name)
    (home,) = lab.whereabouts(subject.name)
    lab.virsh(home, "destroy", subject.name)
    for _ in ("there", "back"):
        moved(daemon, subject, lab)
    lab.virsh(home, "start", subject.name)
    # Published only once it was on the disk: pulling the plug loses none of it.
    assert lab.wait_until_ready(subject.name) >= before
