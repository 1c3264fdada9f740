"""Every kind of fault that preflight knows, planted on real hosts: `plan` names each, and touches nothing."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import planted
import pytest
from planted import DISK_POOL, IDLE_NETWORK, IDLE_PATH, IDLE_POOL, OWN_EMULATOR, PLANTED, Planted
from running import RunningLab

from ferryman.lab import host as hosts
from ferryman.lab.layout import HOST_BRIDGE, POOL_PATH

pytestmark = pytest.mark.soak

Findings = dict[str, dict[str, str]]
"""VM -> code -> remedy."""
_SCRATCH = "/var/lib/libvirt/ferryman-planted"


def at_host(lab: RunningLab, host: str, script: str) -> str:
    """Run a line of shell there; it must succeed."""
    return lab.ledger.namespace(host).run("sh", "-uc", script)


def virsh(command: str) -> str:
    return f"virsh --quiet --connect qemu:///system {command}"


NETWORK_XML = "/run/planted-network.xml"
NETWORK_FILE = (
    f"echo \"<network><name>{IDLE_NETWORK}</name><bridge name='planted0' stp='off'/></network>\" >{NETWORK_XML}"
)
HERE = (
    f"ln -s $(command -v qemu-system-x86_64) {OWN_EMULATOR}",
    f"mkdir {IDLE_PATH} && {virsh(f'pool-create-as {IDLE_POOL} dir --target {IDLE_PATH}')}",
    f"truncate -s 1M /var/lib/libvirt/seed.iso /var/lib/libvirt/no-pool.img {IDLE_PATH}/idle-pool.img",
    (
        f"cd {POOL_PATH} && truncate -s 1M closed-folder.img left-there.img busy.img onto.img defined-anew.img && "
        f"truncate -s 1M used-there.img many.img read.img && "
        f"truncate -s {planted.HUGE_TIB}T huge.img && qemu-img create -q -f qcow2 snapshotted.qcow2 1M && "
        f"qemu-img create -q -f qcow2 checkpointed.qcow2 1M && qemu-img create -q -f qcow2 base.qcow2 1M && "
        f"qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 layered.qcow2"
    ),
    virsh(f"pool-refresh {DISK_POOL}"),
    f"{NETWORK_FILE} && {virsh(f'net-define {NETWORK_XML}')} && {virsh(f'net-start {IDLE_NETWORK}')}",
)
"""At the source: what the VMs are made of."""
THERE = (
    f"{NETWORK_FILE} && {virsh(f'net-define {NETWORK_XML}')}",
    f"ip link set {HOST_BRIDGE} type bridge stp_state 1",
    f"mkdir {IDLE_PATH} && {virsh(f'pool-define-as {IDLE_POOL} dir --target {IDLE_PATH}')}",
    (
        f"cd {POOL_PATH} && truncate -s 1M left-there.img used-there.img && truncate -s 2M larger.img && "
        f"{virsh(f'pool-refresh {DISK_POOL}')}"
    ),
    # QEMU's user as preflight reads it; the libvirtd that runs goes on with the one that it began with.
    f"cp /etc/libvirt/qemu.conf {_SCRATCH} && sed -i 's/^user = .*/user = \"libvirt-qemu\"/' /etc/libvirt/qemu.conf",
    f"chmod 700 {POOL_PATH}",
    (
        "cp $(command -v date) /run/real-date && "
        'printf \'#!/bin/sh\\nexec /run/real-date --date="1 hour ago" "$@"\\n\' >/run/late-date && '
        "chmod 755 /run/late-date && mount --bind /run/late-date $(command -v date)"
    ),
)
"""At the destination: what is wrong with the host."""
_OLDER_QEMU = Path(__file__).with_name("older_qemu.py")
QEMU = "/usr/bin/qemu-system-x86_64"
OLDER_QEMU = (
    f"cp {QEMU} /run/real-qemu",
    f"(echo '#!/usr/bin/python3'; cat {shlex.quote(str(_OLDER_QEMU))}) >/run/older-qemu && chmod 755 /run/older-qemu",
    f"mount --bind /run/older-qemu {QEMU}",
)
NO_OLDER_QEMU = f"umount {QEMU}; rm -f /run/real-qemu /run/older-qemu"
NO_MORE_HERE = (
    f"{virsh(f'net-destroy {IDLE_NETWORK}')}; {virsh(f'net-undefine {IDLE_NETWORK}')}",
    f"{virsh(f'pool-destroy {IDLE_POOL}')}; rm -rf {IDLE_PATH} {OWN_EMULATOR} /var/lib/libvirt/*.i[sm][og]",
    (
        f"cd {POOL_PATH} && rm -f closed-folder.img left-there.img busy.* onto.img huge.img snapshotted.qcow2 "
        f"used-there.img many.img read.img checkpointed.qcow2 defined-anew.img "
        f"base.qcow2 layered.qcow2; {virsh(f'pool-refresh {DISK_POOL}')}"
    ),
)
NO_MORE_THERE = (
    virsh(f"net-undefine {IDLE_NETWORK}"),
    f"ip link set {HOST_BRIDGE} type bridge stp_state 0; umount $(command -v date)",
    f"{virsh(f'pool-undefine {IDLE_POOL}')}; rm -rf {IDLE_PATH} {POOL_PATH}/*-there.img {POOL_PATH}/larger.img",
    f"cp {_SCRATCH} /etc/libvirt/qemu.conf; chmod 711 {POOL_PATH}; {virsh(f'pool-refresh {DISK_POOL}')}",
)


@pytest.fixture(scope="module")
def specs(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All planted VMs are on the first host, and wanted on the last one."""
    here, elsewhere, there = lab.hosts
    folder = tmp_path_factory.mktemp("planted")
    with ExitStack() as undone:
        for one in PLANTED:
            if one.machine != "pc":
                write_definition(lab, one, undone)
        restart_libvirtd(lab, here)
        undone.callback(restart_libvirtd, lab, elsewhere)
        restart_libvirtd(lab, elsewhere, "setarch i686")
        undone.callback(restart_libvirtd, lab, there)
        undone.callback(at_host, lab, there, NO_OLDER_QEMU)
        for line in OLDER_QEMU:
            at_host(lab, there, line)
        restart_libvirtd(lab, there)
        for host, plant, uproot in ((here, HERE, NO_MORE_HERE), (there, THERE, NO_MORE_THERE)):
            for line in uproot:
                undone.callback(at_host, lab, host, line)
            for line in plant:
                at_host(lab, host, line)
        for one in PLANTED:
            if one.machine == "pc":
                add(lab, one, folder, undone)
        yield write_specs(lab, folder / "specs", there, elsewhere)


def write_definition(lab: RunningLab, one: Planted, undone: ExitStack) -> None:
    """As of a host whose QEMU was newer once: libvirt takes no such definition, and keeps one that it had taken."""
    here = lab.hosts[0]
    lab.ledger.namespace(here).run("tee", f"/etc/libvirt/qemu/{one.name}.xml", stdin=planted.definition(one))
    undone.callback(at_host, lab, here, virsh(f"undefine {one.name}"))


def restart_libvirtd(lab: RunningLab, host: str, wrapper: str = "") -> None:
    """As it was, or below something that makes the kernel tell it another architecture."""
    namespace = lab.ledger.namespace(host)
    hosts.stop_libvirtd(namespace)
    namespace.run("sh", "-c", f"exec {wrapper} libvirtd --daemon --listen --pid-file=/run/libvirtd.pid")


def add(lab: RunningLab, one: Planted, folder: Path, undone: ExitStack) -> None:
    """Define and start it, with what is only to be had of a VM that is there."""
    here, *_, there = lab.hosts
    uuid = str(uuid4())
    file = folder / f"{one.name}.xml"
    file.write_text(planted.definition(one, uuid))
    undone.callback(at_host, lab, here, virsh(f"undefine {one.name} --snapshots-metadata --checkpoints-metadata"))
    at_host(lab, here, virsh(f"define {shlex.quote(str(file))}"))
    if one.runs:
        at_host(lab, here, virsh(f"start {one.name}"))
        undone.callback(at_host, lab, here, virsh(f"destroy {one.name}"))
    if one.name == "snapshotted":
        at_host(lab, here, virsh(f"snapshot-create-as {one.name} first"))
    if one.name == "checkpointed":
        at_host(lab, here, virsh(f"checkpoint-create-as {one.name} first"))
    if one.name == "defined-anew":
        at_host(lab, here, virsh(f"attach-disk {one.name} {POOL_PATH}/left-there.img vdb --config"))
    if one.name == "busy":
        at_host(lab, here, virsh(f"blockcopy {one.name} vda --dest {POOL_PATH}/busy.copy --transient-job"))
    if one.name == "used-there":
        file.write_text(planted.definition(Planted(name="another-user", code=one.code, disk=one.disk)))
        at_host(lab, there, virsh(f"define {shlex.quote(str(file))}"))
        undone.callback(at_host, lab, there, virsh("undefine another-user"))
    if one.name == "same-uuid":
        file.write_text(planted.definition(Planted(name="another", code=one.code), uuid))
        at_host(lab, there, virsh(f"define {shlex.quote(str(file))}"))
        undone.callback(at_host, lab, there, virsh("undefine another"))


def write_specs(lab: RunningLab, folder: Path, there: str, elsewhere: str) -> Path:
    """A folder that is no repository: its files count as they are."""
    for kind in ("hosts", "vms"):
        (folder / kind).mkdir(parents=True)
    (folder / "fleet.toml").write_text((lab.folder / "specs" / "fleet.toml").read_text())
    for host in lab.hosts:
        text = (lab.folder / "specs" / "hosts" / f"{host}.toml").read_text()
        full = "\n[capacity]\nreserve_memory_mib = 100000000\n" if host == there else ""
        (folder / "hosts" / f"{host}.toml").write_text(text + full)
    for one in PLANTED:
        method = f'method = "{one.method}"\n' if one.method else ""
        named = f'name = "{one.name}"\nhost = "{elsewhere if one.elsewhere else there}"\n'
        (folder / "vms" / f"{one.name}.toml").write_text(f"{named}{method}{one.spec}")
    return folder


@pytest.fixture(scope="module")
def planned(lab: RunningLab, specs: Path) -> Findings:
    """What `plan` says of each, and that it changed nothing on any host."""
    before = everything(lab)
    plan = [sys.executable, "-m", "ferryman.cli", "plan", "--json"]
    done = lab.exec([*plan, "--specs", str(specs), "--state", str(specs.parent / "none")])
    assert done.returncode == 1, done.stderr
    assert everything(lab) == before
    decisions = json.loads(done.stdout)["decisions"]
    return {
        vm: {one["code"]: one["remedy"] for one in decided.get("findings") or decided.get("warnings") or ()}
        for vm, decided in decisions.items()
    }


def everything(lab: RunningLab) -> dict[str, str]:
    """What every host's libvirt knows."""
    listed = f"list --all; pool-list --all; vol-list {DISK_POOL}"
    return {host: lab.virsh(host, listed) for host in lab.hosts}


@pytest.mark.parametrize("one", PLANTED, ids=lambda one: f"{one.code}")
def test_plan_names_it_with_what_mends_it_and_touches_nothing(one: Planted, planned: Findings) -> None:
    assert one.code in planned[one.name], planned[one.name]
    assert planned[one.name][one.code]
