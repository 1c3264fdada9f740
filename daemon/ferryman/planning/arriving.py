"""What a VM uses at its destination instead of what it had: pools, paths, bridges, networks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ferryman.fleet.storage import Disk, DiskDevice, Volume
from ferryman.fleet.values import DomainDetail, HostDetail, Interface
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml.adapting import Adaptation, DiskSource, SourceKind
from ferryman.fleet.xml.drives import media
from ferryman.planning.plans import DiskImage, DiskPlan, DiskTransfer
from ferryman.planning.pool_kinds import traits
from ferryman.specs.host_spec import ArrivalSpec
from ferryman.specs.vm_spec import StorageSpec


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
    by_target = {disk.target: disk for disk in vm.disks}
    found = {plan.target: _changed(plan, by_target[plan.target], destination) for plan in disks}
    changed = {target: there for target, there in found.items() if there is not None}
    return Adaptation(
        disks=changed,
        bridges=_renamed(vm, arrivals, "bridge"),
        networks=_renamed(vm, arrivals, "network"),
        flattened=tuple(plan.target for plan in disks if _has_other_images(plan, by_target[plan.target], changed)),
        emptied_drives=_inserted(vm) if eject_cdrom else (),
    )


def _has_other_images(plan: DiskPlan, disk: Disk, changed: Collection[str]) -> bool:
    """Whether what lies below it there is not what its definition names: nothing, or the same under another path."""
    moved = plan.transfer is DiskTransfer.SHARED and plan.target in changed and disk.backing
    return moved or plan.image is DiskImage.FLATTENED


def _inserted(vm: DomainDetail) -> tuple[str, ...]:
    """Drives with a medium in them, as the VM runs or as it is defined."""
    running = {disk.target for disk in vm.disks if disk.device is not DiskDevice.DISK and disk.path}
    return tuple(sorted(running | {medium.target for medium in media("", vm.xml)}))


def _changed(plan: DiskPlan, disk: Disk, destination: HostDetail) -> DiskSource | None:
    """What the disk is there; None where its definition says just that already, or it is not known yet."""
    renamed = disk.source_kind == "volume" and plan.destination.pool != plan.source.ref.pool
    if plan.transfer is DiskTransfer.SHARED:
        standing = destination.volumes.get(plan.destination)
        if standing is None or (standing.path == plan.source.path and not renamed):
            return None
        # The content stays, so whatever the definition says of it holds there too.
        kind = SourceKind.BLOCK if disk.source_kind == "block" else _source(standing, disk.format).kind
        return DiskSource(kind=kind, path=standing.path, format=disk.format)
    there = _there(plan, destination)
    return there if renamed or there != _source(plan.source, plan.source.format) else None


def _there(disk: DiskPlan, destination: HostDetail) -> DiskSource | None:
    """A volume that stands there is known; of a new one libvirt's path is the pool's target and its name."""
    if disk.overwrites:
        standing = destination.volumes.get(disk.destination)
        return None if standing is None else _source(standing, disk.format)
    pool = destination.pools.get(disk.destination.pool)
    if pool is None or not pool.target_path:
        return None
    return DiskSource(
        kind=traits(pool.kind).source_kind,
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
