"""What becomes of a disk that is a layer over another image: never half a chain. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.fleet.storage import BackingImage, Disk
from ferryman.fleet.values import DomainDetail, HostDetail
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.plans import DiskImage
from ferryman.specs.choices import BackingChain
from ferryman.specs.vm_spec import StorageSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How a copied disk's content is carried."""

    image: DiskImage = DiskImage.WHOLE
    over: BackingImage | None = None
    """Of a layer: the image that it is put over at the destination."""
    findings: tuple[Finding, ...] = ()


def base_paths(vm: DomainDetail) -> frozenset[str]:
    """The images that planning wants to find at the destination too."""
    return frozenset(disk.volume.over.path for disk in vm.disks if disk.volume is not None and disk.volume.over)


def carried(disk: Disk, spec: StorageSpec, destination: HostDetail) -> Carried:
    """One copied disk's way, and what stands against it."""
    if not (disk.backing or (disk.volume is not None and disk.volume.backing)):
        return Carried()
    cold = _blocker(
        FindingCode.BACKING_CHAIN_COLD,
        f"{disk.target}: {disk.path} is a layer over another image, and only live moves carry those",
        f"Move it while it runs (allow live), or flatten it: virsh blockpull DOMAIN {disk.target} --wait",
    )
    if spec.backing_chain is BackingChain.FLATTEN:
        return Carried(image=DiskImage.FLATTENED, findings=(cold,))
    over = disk.volume.over if disk.volume is not None else None
    missing = _missing(disk, over, spec, destination)
    if missing is not None or over is None:
        return Carried(findings=(_not_kept(disk, missing or "its image is not known"),))
    same = Finding(
        code=FindingCode.BACKING_CHAIN,
        severity=Severity.WARNING,
        reason=f"{disk.target}: only the layer is copied, onto {over.path} as it is on {destination.reading.host}: "
        "of the same size, its content is not compared",
        remedy="Compare the images where in doubt (qemu-img compare, sha256sum on both hosts).",
    )
    return Carried(image=DiskImage.LAYER, over=over, findings=(cold, same))


def _missing(disk: Disk, over: BackingImage | None, spec: StorageSpec, destination: HostDetail) -> str | None:
    """Why the layer cannot be put over its image at the destination; None: it can."""
    host = destination.reading.host
    if disk.target in spec.overwrite:
        return "a volume that is overwritten cannot be a layer"
    if over is None or disk.base is None:
        return "no storage pool of its host holds the image that it is a layer over"
    there = destination.images.get(over.path)
    if there is None:
        return f"no storage pool of {host} holds {over.path}"
    if there.capacity_bytes != disk.base.capacity_bytes:
        return f"{over.path} holds {there.capacity_bytes} bytes on {host}, and {disk.base.capacity_bytes} here"
    return None


def _not_kept(disk: Disk, why: str) -> Finding:
    return _blocker(
        FindingCode.BACKING_CHAIN,
        f"{disk.target}: {disk.path} is a layer over another image, and half a chain must not be copied: {why}",
        "Put the same image at the same path there, in a storage pool; or have the content copied into one image: "
        f'[storage] backing_chain = "flatten" in its spec; or here: virsh blockpull DOMAIN {disk.target} --wait',
    )


def _blocker(code: FindingCode, reason: str, remedy: str) -> Finding:
    return Finding(code=code, severity=Severity.BLOCKER, reason=reason, remedy=remedy)
