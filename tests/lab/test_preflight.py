"""Faults planted on real hosts are named by `ferryman plan` and `ferryman doctor` before anything is touched."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from running import RunningLab
from specs_repository import SpecsRepository

from ferryman.lab import guests
from ferryman.lab.layout import HOST_BRIDGE, POOL, POOL_PATH

pytestmark = pytest.mark.soak

GUEST, STRANGER, NAMESAKE = "guest-checked", "guest-stranger", "guest-namesake"
LONELY_BRIDGE = "lonely0"
KNOWN_HOSTS = "/root/.ssh/known_hosts"
BLOCKED_PORT = "49153"


def bare_xml(name: str, bridge: str) -> str:
    return (
        f"<domain type='qemu'><name>{name}</name><uuid>{uuid.uuid4()}</uuid><memory unit='MiB'>32</memory>"
        f"<vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>"
        f"<devices><interface type='bridge'><source bridge='{bridge}'/></interface></devices></domain>"
    )


Change = tuple[str, ...]


@contextmanager
def changed(lab: RunningLab, host: str, change: Change, back: Change) -> Iterator[None]:
    """Run the one command on a host, and in the end the other."""
    namespace = lab.ledger.namespace(host)
    namespace.run(*change)
    try:
        yield
    finally:
        namespace.run(*back)


def virsh(*command: str) -> Change:
    return ("virsh", "--quiet", "--connect", "qemu:///system", *command)


def defined(folder: Path, name: str, bridge: str) -> tuple[Change, Change]:
    """A VM that is off, with a UUID of its own each time."""
    file = folder / f"{uuid.uuid4()}.xml"
    file.write_text(bare_xml(name, bridge))
    return virsh("define", str(file)), virsh("undefine", name)


def lonely_bridge() -> tuple[Change, Change]:
    return ("ip", "link", "add", LONELY_BRIDGE, "type", "bridge"), ("ip", "link", "delete", LONELY_BRIDGE)


def spanning_tree() -> tuple[Change, Change]:
    switch = ("ip", "link", "set", HOST_BRIDGE, "type", "bridge", "stp_state")
    return (*switch, "1"), (*switch, "0")


def without_pool() -> tuple[Change, Change]:
    back = f"pool-define-as {POOL} dir --target {POOL_PATH}; pool-start {POOL}; pool-autostart {POOL}"
    return virsh(f"pool-destroy {POOL}; pool-undefine {POOL}"), virsh(back)


def firewall() -> tuple[Change, Change]:
    chain = f"{{ chain input {{ type filter hook input priority 0; tcp dport {BLOCKED_PORT} drop; }}; }}"
    return ("nft", f"table inet preflight {chain}"), ("nft", "delete", "table", "inet", "preflight")


def strange_keys() -> tuple[Change, Change]:
    """The host does not know the other hosts' keys."""
    return ("mv", KNOWN_HOSTS, f"{KNOWN_HOSTS}.away"), ("mv", f"{KNOWN_HOSTS}.away", KNOWN_HOSTS)


@pytest.fixture(scope="module")
def fleet(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpecsRepository]:
    """Three VMs on the first host that are wanted on the second, which is full of faults."""
    here, there = lab.hosts[:2]
    folder = tmp_path_factory.mktemp("preflight")
    guests.add(lab.ledger, guests.plan(lab.ledger, GUEST, None), here)
    faults = [
        (here, lonely_bridge()),
        (here, defined(folder, STRANGER, LONELY_BRIDGE)),
        (here, defined(folder, NAMESAKE, HOST_BRIDGE)),
        (there, defined(folder, NAMESAKE, HOST_BRIDGE)),
        (there, spanning_tree()),
        (there, without_pool()),
        (there, firewall()),
        (here, strange_keys()),
    ]
    with ExitStack() as planted:
        planted.callback(lab.remove_guest, GUEST)
        for host, (change, back) in faults:
            planted.enter_context(changed(lab, host, change, back))
        repository = SpecsRepository.of_lab(lab, folder / "specs", GUEST)
        for name in (STRANGER, NAMESAKE):
            repository.write(f"vms/{name}.toml", f'name = "{name}"\nhost = "{there}"\n')
        repository.move(GUEST, there)
        yield repository


def run(lab: RunningLab, *argv: str) -> subprocess.CompletedProcess[str]:
    return lab.exec([sys.executable, "-m", "ferryman.cli", *argv, "--json"])


def codes(decision: dict[str, Any]) -> set[str]:
    assert decision["kind"] == "refused", decision
    assert all(finding["remedy"] for finding in decision["findings"])
    return {finding["code"] for finding in decision["findings"]}


def everything(lab: RunningLab) -> dict[str, str]:
    """What every host's libvirt knows."""
    return {host: lab.virsh(host, "list --all; pool-list --all") for host in lab.hosts}


def test_hosts_without_faults_are_called_sound(lab: RunningLab) -> None:
    done = run(lab, "doctor", "--specs", str(lab.folder / "specs"))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["sound"]
    assert [check for check in found["checks"] if check["status"] != "ok"] == []
    assert f"{lab.hosts[0]} has been asked" in done.stderr


def test_plan_names_every_planted_fault_and_touches_nothing(lab: RunningLab, fleet: SpecsRepository) -> None:
    here, there = lab.hosts[:2]
    before = everything(lab)
    done = run(lab, "plan", "--specs", str(fleet.folder), "--state", str(fleet.folder.parent / "no-state"))
    assert done.returncode == 1, done.stderr
    decisions = json.loads(done.stdout)["decisions"]
    assert codes(decisions[GUEST]) == {"bridge-stp", "pool-missing", "ports-closed", "libvirtd-unreached"}
    assert codes(decisions[STRANGER]) == {"bridge-missing"}
    assert codes(decisions[NAMESAKE]) == {"name-taken"}
    assert lab.whereabouts(GUEST) == {here: "running"}
    assert not lab.disk(GUEST, there).exists()
    assert everything(lab) == before


def test_doctor_names_the_hosts_faults_with_what_mends_them(lab: RunningLab, fleet: SpecsRepository) -> None:
    here, there = lab.hosts[:2]
    done = run(lab, "doctor", "--specs", str(fleet.folder))
    assert done.returncode == 1, done.stderr
    found = {
        (check["host"], check["subject"], check["status"]): check["remedy"]
        for check in json.loads(done.stdout)["checks"]
        if check["status"] != "ok" and check["host"] in (here, there)
    }
    assert found.keys() == {
        (here, "libvirtd-to-peer", "warning"),
        (here, "ports-to-peer", "blocker"),
        (there, "bridges", "blocker"),
        (there, "stp", "warning"),
        (there, "pools", "warning"),
    }
    assert f"ip link add {LONELY_BRIDGE} type bridge" in found[there, "bridges", "blocker"]
    assert "ssh-keyscan" in found[here, "libvirtd-to-peer", "warning"]
