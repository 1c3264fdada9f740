"""Readings and specs that the planning tests begin from: three hosts, one VM on the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ferryman.fleet.fake.certificates import certificates_for
from ferryman.fleet.host_facts import Clock, Folder, HostFacts, PeerFacts, Reach
from ferryman.fleet.machine import CpuFit, Fit
from ferryman.fleet.storage import Disk, DiskDevice, Pool, Volume, VolumeRef
from ferryman.fleet.values import Domain, DomainDetail, HostDetail, HostReading, Interface, Power, Snapshot, Unreachable
from ferryman.planning.placement import Fleet, Place
from ferryman.planning.preflight import ReadEnds
from ferryman.specs.host_spec import Capacity, HostSpec
from ferryman.specs.vm_spec import PlacementSpec, VmSpec

VM = "guest-01"
UUID = "6b9a7c1e-0000-4000-8000-000000000001"
MIB = 1024 * 1024
HOSTS = ("oslo", "skopje", "tallinn")
ON_KVMBR0 = Interface(mac="52:54:00:00:00:01", kind="bridge", source="kvmbr0")
DISK_REF = VolumeRef(pool="vms", name=f"{VM}.qcow2")


def domain(name: str = VM, power: Power = Power.RUNNING, memory_mib: int = 1024, **more: Any) -> Domain:
    uuid = UUID if name == VM else f"uuid-of-{name}"
    plain = Domain(name=name, uuid=uuid, power=power, memory_mib=memory_mib, persistent=True)
    return replace(plain, **more)


def reading(host: str, *domains: Domain, memory_mib: int = 16_384) -> HostReading:
    return HostReading(
        host=host,
        hostname=host,
        uuid=f"uuid-of-{host}",
        libvirt_version=9_000_000,
        hypervisor_version=7_002_000,
        architecture="x86_64",
        memory_mib=memory_mib,
        domains={one.name: one for one in domains},
        certificates=certificates_for(host_spec(host)),
    )


def unreachable(host: str) -> Unreachable:
    return Unreachable(host=host, reason=f"{host}: no route", remedy=f"ping {host}")


def snapshot(*readings: HostReading | Unreachable) -> Snapshot:
    """These hosts; the rest of the three are empty."""
    empty = {host: reading(host) for host in HOSTS}
    return Snapshot(hosts=empty | {one.host: one for one in readings})


def host_spec(name: str, *, maintenance: bool = False, reserve_mib: int = 512) -> HostSpec:
    return HostSpec(
        name=name,
        uri=f"qemu+ssh://root@{name}/system",
        maintenance=maintenance,
        capacity=Capacity(reserve_memory_mib=reserve_mib),
    )


def fleet(*in_maintenance: str) -> Fleet:
    return Fleet(hosts={name: host_spec(name, maintenance=name in in_maintenance) for name in HOSTS})


def vm_spec(host: str = "skopje", **more: object) -> VmSpec:
    return VmSpec.model_validate({"name": VM, "host": host} | more)


def placed_on(*hosts: str, avoid: tuple[str, ...] = ()) -> PlacementSpec:
    return PlacementSpec(hosts=hosts, avoid=avoid)


def found_on(host: str, power: Power = Power.RUNNING) -> Place:
    return Place(host=host, domain=domain(power=power))


def volume(
    ref: VolumeRef = DISK_REF, *, allocated_mib: int = 10, capacity_mib: int = 64, backing: bool = False
) -> Volume:
    return Volume(
        ref=ref,
        path=f"/var/lib/libvirt/images/{ref.name}",
        format="qcow2",
        capacity_bytes=capacity_mib * MIB,
        allocation_bytes=allocated_mib * MIB,
        physical_bytes=allocated_mib * MIB,
        backing=backing,
    )


def disk(target: str = "vda", held: Volume | None = None, **more: Any) -> Disk:
    plain = Disk(
        target=target,
        device=DiskDevice.DISK,
        source_kind="file",
        path=f"/var/lib/libvirt/images/{VM}.qcow2",
        format="qcow2",
        read_only=False,
        shareable=False,
        backing=False,
        volume=held or volume(),
    )
    return replace(plain, **more)


def definition(*disks: Disk, devices: str = "") -> str:
    """With these disks, and `devices` as XML."""
    described = "".join(
        f"<disk type='{one.source_kind}' device='{one.device}'>"
        f"<source {_named(one)}/><target dev='{one.target}'/></disk>"
        for one in disks
    )
    return f"<domain><devices>{described}{devices}</devices></domain>"


def _named(one: Disk) -> str:
    if one.source_kind == "volume" and one.volume is not None:
        return f"pool='{one.volume.ref.pool}' volume='{one.volume.ref.name}'"
    if one.source_kind == "network":
        protocol, _, name = one.path.partition(":")
        return f"protocol='{protocol}' name='{name}'"
    return f"{'dev' if one.source_kind == 'block' else 'file'}='{one.path}'" if one.path else ""


def detail(*disks: Disk, power: Power = Power.RUNNING, **more: Any) -> DomainDetail:
    looked_at = disks or (disk(),)
    plain = DomainDetail(
        domain=domain(power=power),
        disks=looked_at,
        interfaces=(ON_KVMBR0,),
        autostart=False,
        machine="pc-i440fx-7.2",
        virtualization="kvm",
        xml=definition(*looked_at),
        snapshots=0,
        host_devices=0,
        addresses=(),
    )
    return replace(plain, **more)


def pool(name: str = "vms", *, available_mib: int = 10_000, kind: str = "dir", active: bool = True) -> Pool:
    return Pool(
        name=name,
        kind=kind,
        active=active,
        target_path="/var/lib/libvirt/images",
        available_bytes=available_mib * MIB,
    )


def host_detail(host: str = "skopje", *pools: Pool, volumes: tuple[Volume, ...] = (), **more: Any) -> HostDetail:
    plain = HostDetail(
        reading=reading(host),
        pools={one.name: one for one in pools or (pool(),)},
        volumes={one.ref: one for one in volumes},
        bridges=frozenset({"kvmbr0"}),
        networks=frozenset({"default"}),
        machines=frozenset({"pc-i440fx-7.2", "pc-q35-7.2"}),
    )
    return replace(plain, **more)


def facts(host: str = "skopje", **more: Any) -> HostFacts:
    """A host from within, with nothing wrong on it."""
    plain = HostFacts(
        host=host,
        by_ssh=True,
        user="root",
        groups=frozenset({"root"}),
        clock=Clock(ahead_ms=0, error_ms=100),
        stp_bridges=frozenset(),
        unprivileged_userfaultfd=True,
        qemu_user="libvirt-qemu",
        folders={"/var/lib/libvirt/images": Folder(file_system="ext4", open_to_qemu=True)},
        peers={
            name: PeerFacts(uri=f"qemu+ssh://root@{name}/system", libvirtd=Reach.REACHED, closed_ports=())
            for name in HOSTS
            if name != host
        },
    )
    return replace(plain, **more)


def ends(vm: DomainDetail | None = None, there: HostDetail | None = None, **more: Any) -> ReadEnds:
    """tallinn and skopje; `more` are fields of ReadEnds."""
    looked_at = vm or detail()
    plain = ReadEnds(
        vm=looked_at,
        source=reading("tallinn", looked_at.domain),
        destination=there or host_detail(),
        fit=Fit(cpu=CpuFit.FITS, emulator=True, virtualization=True, loaders=frozenset()),
        source_facts=facts("tallinn"),
        destination_facts=facts("skopje"),
    )
    return replace(plain, **more)
