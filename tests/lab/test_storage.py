"""Guests whose disks are on the storage host: whatever the method, the disk stays where it is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest
from daemon_run import DaemonRun
from running import RunningLab, lab_command

from ferryman.downtime.values import MeasurementStatus
from ferryman.lab import guests, storage_disks
from ferryman.lab.allowed import STORAGE_HOST
from ferryman.lab.guest_xml import DiskHome
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.specs.choices import Method


@pytest.fixture(scope="module", params=[DiskHome.NFS, DiskHome.ISCSI])
def guest(lab: RunningLab, request: pytest.FixtureRequest) -> Iterator[str]:
    """A running guest; each test leaves it running, on whatever host. Nothing of it is left at the end."""
    name = f"on-{request.param}"
    planned = lab.add_guest(name, lab.hosts[0], disk=request.param, disk_mib=16)
    yield name
    lab.remove_guest(name)
    assert lab.whereabouts(name) == {}
    assert not storage_disks.image(lab.ledger.layout, planned).exists()
    assert name not in lab.ledger.namespace(STORAGE_HOST).run("tgtadm", "--op", "show", "--mode", "target")


def journey(lab: RunningLab, vm: str) -> tuple[str, str]:
    """Where the guest is, and another host."""
    (home,) = lab.whereabouts(vm)
    return home, next(host for host in lab.hosts if host != home)


def check_nothing_copied(lab: RunningLab, vm: str, record: MigrationRecord) -> None:
    """The move succeeded, and no host's pool has or had anything of the guest."""
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert record.transfer.disk_bytes == 0
    assert (record.volumes_created, record.left_behind) == ((), ())
    assert lab.disks(vm) == set()


def test_status_shows_the_storage_host(lab: RunningLab) -> None:
    done = subprocess.run([*lab_command("status", lab.folder), "--json"], capture_output=True, text=True, check=True)
    storage = json.loads(done.stdout)["storage"]
    assert (storage["address"], storage["silent_daemons"]) == (lab.ledger.layout.storage.address, [])


def test_live_there_and_back(guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]) -> None:
    home, away = journey(lab, guest)
    before = lab.counter(guest)
    daemon = daemon_for(guest)
    with daemon.running():
        for host in (away, home):
            daemon.until_in_place(guest, home if host == away else away)
            daemon.specs.move(guest, host)
            daemon.until_in_place(guest, host)
            assert lab.whereabouts(guest) == {host: "running"}
            after = lab.wait_until_ready(guest)
            assert after >= before
            before = after
    for record in daemon.records():
        assert record.method is Method.LIVE
        assert record.measurement.status is MeasurementStatus.MEASURED, record.measurement.reason
        check_nothing_copied(lab, guest, record)


@pytest.mark.soak
def test_cold_where_its_spec_allows_nothing_else(
    guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    _, away = journey(lab, guest)
    before = lab.wait_until_ready(guest)
    daemon = daemon_for(guest)
    daemon.specs.replace(f"vms/{guest}.toml", 'allow = ["live"]', 'allow = ["cold"]')
    daemon.specs.move(guest, away)
    assert daemon.once() == 0, daemon.log_text()
    assert lab.whereabouts(guest) == {away: "running"}
    assert lab.wait_until_ready(guest) >= before
    (record,) = daemon.records()
    assert record.method is Method.COLD
    check_nothing_copied(lab, guest, record)


@pytest.mark.soak
def test_shut_off_it_stays_off_and_counts_on_when_started(
    guest: str, lab: RunningLab, daemon_for: Callable[..., DaemonRun]
) -> None:
    home, away = journey(lab, guest)
    before = lab.wait_until_ready(guest)
    lab.virsh(home, "destroy", guest)
    daemon = daemon_for(guest)
    daemon.specs.move(guest, away)
    assert daemon.once() == 0, daemon.log_text()
    assert lab.whereabouts(guest) == {away: "shut off"}
    (record,) = daemon.records()
    check_nothing_copied(lab, guest, record)
    lab.virsh(away, "start", guest)
    # Published only once it was on the disk: pulling the plug loses none of it.
    assert lab.wait_until_ready(guest) >= before


def test_its_disk_lies_on_the_storage_host(guest: str, lab: RunningLab) -> None:
    planned = guests.find(lab.ledger.layout, guest)
    image = storage_disks.image(lab.ledger.layout, planned)
    assert image.stat().st_size == planned.disk_mib * 1024 * 1024
    assert b"ferryman-counter" in image.read_bytes()
