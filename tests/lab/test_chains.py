"""A guest whose disk is a layer over an image that both hosts have, or that only its own has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon_run import DaemonRun
from running import RunningLab

from ferryman.lab.layout import POOL_PATH
from ferryman.records.audit.record import MigrationRecord, Outcome

pytestmark = pytest.mark.soak

GUEST = "layered"
BASE = f"{POOL_PATH}/layered-base.qcow2"
FILLED_MIB = 24


@pytest.fixture
def guest(lab: RunningLab) -> Iterator[str]:
    """A running guest on the first host; 24 MiB of its disk are in the image below, which both hosts have."""
    home, away = lab.hosts[0], lab.hosts[1]
    lab.add_guest(GUEST, home)
    lab.fill(GUEST, FILLED_MIB)
    lab.virsh(home, "destroy", GUEST)
    bases = [lab.disk(GUEST, host).with_name(Path(BASE).name) for host in (home, away)]
    lab.disk(GUEST, home).rename(bases[0])
    shutil.copyfile(bases[0], bases[1])
    make = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", BASE, f"{POOL_PATH}/{GUEST}.qcow2")
    lab.ledger.namespace(home).run(*make)
    lab.virsh(home, "pool-refresh", "vms")
    lab.virsh(home, "start", GUEST)
    lab.wait_until_ready(GUEST)
    yield GUEST
    lab.remove_guest(GUEST)
    for base in bases:
        base.unlink(missing_ok=True)


def moved(lab: RunningLab, daemon: DaemonRun, vm: str, to: str, storage: str) -> MigrationRecord:
    before = lab.counter(vm)
    daemon.specs.append(f"vms/{vm}.toml", f'\n[storage]\nbacking_chain = "{storage}"\n')
    daemon.specs.move(vm, to)
    assert daemon.once() == 0, daemon.log_text()
    (record,) = daemon.records()
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    assert lab.wait_until_ready(vm) >= before
    return record


def chain(lab: RunningLab, vm: str, host: str) -> list[str]:
    image = f"{POOL_PATH}/{vm}.qcow2"
    told = lab.ledger.namespace(host).run("qemu-img", "info", "-U", "--backing-chain", "--output=json", image)
    return [one["filename"] for one in json.loads(told)]


def test_kept_only_the_layer_is_copied(lab: RunningLab, guest: str, daemon_for: Callable[..., DaemonRun]) -> None:
    record = moved(lab, daemon_for(guest), guest, lab.hosts[1], "keep")
    assert chain(lab, guest, lab.hosts[1]) == [f"{POOL_PATH}/{guest}.qcow2", BASE]
    assert record.transfer.disk_bytes < FILLED_MIB * 1024**2 / 2
    after = lab.counter(guest)
    lab.virsh(lab.hosts[1], "destroy", guest)
    lab.virsh(lab.hosts[1], "start", guest)
    assert lab.wait_until_ready(guest) >= after


def test_flattened_all_is_copied_into_one_image(
    lab: RunningLab, guest: str, daemon_for: Callable[..., DaemonRun]
) -> None:
    lab.disk(guest, lab.hosts[1]).with_name(Path(BASE).name).unlink()
    record = moved(lab, daemon_for(guest), guest, lab.hosts[1], "flatten")
    assert chain(lab, guest, lab.hosts[1]) == [f"{POOL_PATH}/{guest}.qcow2"]
    assert record.transfer.disk_bytes >= FILLED_MIB * 1024**2
    after = lab.counter(guest)
    lab.virsh(lab.hosts[1], "destroy", guest)
    lab.virsh(lab.hosts[1], "start", guest)
    assert lab.wait_until_ready(guest) >= after
