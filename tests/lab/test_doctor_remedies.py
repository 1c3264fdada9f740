"""The commands that `ferryman doctor` prints mend what it found: planted, run as printed, looked at again."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from running import RunningLab

from ferryman.lab.layout import HOST_BRIDGE

pytestmark = pytest.mark.soak

BRIDGE, NETWORK, POOL, IDLE_POOL = "mended0", "mended-net", "mended-pool", "mended-idle"
FOLDER = "/var/lib/libvirt/mended"
VM = "guest-mended"
DEFINITION = (
    f"<domain type='qemu'><name>{VM}</name><uuid>{uuid4()}</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>"
    "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
    f"<interface type='bridge'><source bridge='{BRIDGE}'/></interface>"
    f"<interface type='network'><source network='{NETWORK}'/></interface></devices></domain>"
)
NETWORK_DEFINITION = f"<network><name>{NETWORK}</name><bridge name='mendednet0' stp='off'/></network>"
AT_OTHERS = (
    f"ip link add {BRIDGE} type bridge",
    f"virsh -q net-define {{folder}}/network.xml && virsh -q net-start {NETWORK}",
    f"virsh -q define {{folder}}/{VM}.xml",
    f"mkdir {FOLDER} && virsh -q pool-create-as {POOL} dir --target {FOLDER}",
)
AT_THE_FAULTY = (
    "virsh -q net-define {folder}/network.xml",
    f"virsh -q pool-define-as {IDLE_POOL} dir --target {FOLDER}-idle",
    f"ip link set {HOST_BRIDGE} type bridge stp_state 1",
)
CLEARED = (
    f"virsh -q undefine {VM}",
    f"virsh -q net-destroy {NETWORK}; virsh -q net-undefine {NETWORK}",
    f"virsh -q pool-destroy {POOL}; virsh -q pool-undefine {POOL}",
    f"virsh -q pool-destroy {IDLE_POOL}; virsh -q pool-undefine {IDLE_POOL}",
    f"ip link delete {BRIDGE}",
    f"ip link set {HOST_BRIDGE} type bridge stp_state 0",
    f"rm -rf {FOLDER} {FOLDER}-idle",
)
MENDED = {"bridges", "networks", "pools", "stp"}
"""The subjects of what is planted."""

Found = dict[tuple[str, str], str]
"""Subject and words -> remedy."""


def at(lab: RunningLab, host: str, script: str) -> None:
    lab.ledger.namespace(host).run("sh", "-uc", script)


def clear(lab: RunningLab, host: str) -> None:
    for script in CLEARED:
        at(lab, host, f"({script}) >/dev/null 2>&1 || true")


@pytest.fixture
def faulty(lab: RunningLab, tmp_path: Path) -> Iterator[str]:
    """The second host: it lacks what a VM of the first is joined to and a pool, has a pool and a network that are not
    active, and a bridge with STP.
    """
    other, host, *_ = lab.hosts
    (tmp_path / "network.xml").write_text(NETWORK_DEFINITION)
    (tmp_path / f"{VM}.xml").write_text(DEFINITION)
    with ExitStack() as stack:
        for one, scripts in ((other, AT_OTHERS), (host, AT_THE_FAULTY)):
            stack.callback(clear, lab, one)
            for script in scripts:
                at(lab, one, script.format(folder=tmp_path))
        yield host


def found(lab: RunningLab, host: str) -> Found:
    done = lab.exec([sys.executable, "-m", "ferryman.cli", "doctor", "--specs", str(lab.folder / "specs"), "--json"])
    return {
        (check["subject"], check["says"]): check["remedy"]
        for check in json.loads(done.stdout)["checks"]
        if check["host"] == host and check["status"] != "ok" and check["subject"] in MENDED
    }


def test_what_doctor_prints_mends_what_it_found(lab: RunningLab, faulty: str) -> None:
    before = found(lab, faulty)
    says = " ".join(words for _subject, words in before)
    for planted in (f"no bridge {BRIDGE}", f"network {NETWORK} is not active", f"no storage pool {POOL}", "STP on"):
        assert planted in says
    assert f"the storage pool {IDLE_POOL} is not active" in says
    for remedy in before.values():
        command, where, _rest = remedy.partition(f" (on {faulty}")
        assert where
        at(lab, faulty, f"set -e; export LIBVIRT_DEFAULT_URI=qemu:///system; {command}")
    assert found(lab, faulty) == {}
