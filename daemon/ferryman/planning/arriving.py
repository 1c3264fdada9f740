"""What a VM uses at its destination instead of what it had: pools, paths, bridges, networks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ferryman.fleet import domain_xml
from ferryman.fleet.adapting import Adaptation, DiskSource, SourceKind
from ferryman.fleet.drives import media
from ferryman.fleet.values import DiskDevice, DomainDetail, HostDetail, Interface, Volume
from ferryman.planning.plans import DiskImage, DiskPlan, DiskTransfer
from ferryman.specs.host_spec import ArrivalSpec
from ferryman.specs.vm_spec import StorageSpec

BLOCK_POOLS = frozenset({"logical", "disk", "iscsi", "scsi", "mpath", "zfs"})
"""Pool kinds whose volumes are block devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What an interface joins at the destination."""

    kind: str
    """bridge, network, …: as at the source."""
    here: str
    there: str

    @property
    def mapping(self) -> str:
        """For people: how the name came about, where it is another."""
        return "" if self.here == self.there else f" (mapped from {self.here} by its [arrivals])"


def storage_at(spec: StorageSpec, arrivals: ArrivalSpec) -> StorageSpec:
    """The VM's storage spec as it holds for one destination: its own pools first, then the destination's."""
    return spec.model_copy(update={"pools": arrivals.pools | spec.pools})


def joined(interface: Interface, arrivals: ArrivalSpec) -> Joined:
    """The bridge or network that an interface joins at the destination."""
    names = {"bridge": arrivals.bridges, "network": arrivals.networks}.get(interface.kind, {})
    return Joined(kind=interface.kind, here=interface.source, there=names.get(interface.source, interface.source))


def adaptation(
    vm: DomainDetail,
    disks: Sequence[DiskPlan],
    destination: HostDetail,
    arrivals: ArrivalSpec,
    *,
    eject_cdrom: bool = False,
) -> Adaptation:
    """What will differ there. A volume's path is the one that its pool will give it; the move asks the pool itself."""
    return Adaptation(
        disks={
            disk.target: there
            for disk in disks
            if disk.transfer is DiskTransfer.COPY
            and (there := _there(disk, destination)) is not None
            and there != _source(disk.source, disk.source.format)
        },
        bridges=_renamed(vm, arrivals, "bridge"),
        networks=_renamed(vm, arrivals, "network"),
        flattened=tuple(disk.target for disk in disks if disk.image is DiskImage.FLATTENED),
        emptied_drives=_inserted(vm) if eject_cdrom else (),
    )


def _inserted(vm: DomainDetail) -> tuple[str, ...]:
    """Drives with a medium in them, as the VM runs or as it is defined."""
    running = {disk.target for disk in vm.disks if disk.device is not DiskDevice.DISK and disk.path}
    return tuple(sorted(running | {medium.target for medium in media("", vm.xml)}))


def _there(disk: DiskPlan, destination: HostDetail) -> DiskSource | None:
    """A volume that stands there is known; of a new one libvirt's path is the pool's target and its name."""
    if disk.overwrites:
        standing = destination.volumes.get(disk.destination)
        return None if standing is None else _source(standing, disk.format)
    pool = destination.pools.get(disk.destination.pool)
    if pool is None or not pool.target_path:
        return None
    return DiskSource(
        kind=SourceKind.BLOCK if pool.kind in BLOCK_POOLS else SourceKind.FILE,
        path=f"{pool.target_path}/{disk.destination.name}",
        format=disk.format,
    )


def _source(volume: Volume, image_format: str) -> DiskSource:
    kind = SourceKind.BLOCK if volume.block else SourceKind.FILE
    return DiskSource(kind=kind, path=volume.path, format=image_format)


def _renamed(vm: DomainDetail, arrivals: ArrivalSpec, kind: str) -> dict[str, str]:
    """As the VM runs and as it is defined: the one is migrated, the other started at the next start."""
    found = [joined(interface, arrivals) for interface in (*vm.interfaces, *domain_xml.interfaces(vm.xml))]
    return {one.here: one.there for one in found if one.kind == kind and one.here != one.there}
