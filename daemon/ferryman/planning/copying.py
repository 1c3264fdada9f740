"""How a cold move gets disks to the destination, and in which format they are there."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from ferryman.fleet.machine_files import files_of
from ferryman.fleet.storage import Pool, Volume
from ferryman.fleet.values import DomainDetail, HostDetail
from ferryman.planning.findings import Finding, FindingCode, Severity
from ferryman.planning.modes import ImageCopy
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.planning.pool_kinds import traits
from ferryman.specs.choices import DiskFormat, Encryption
from ferryman.specs.host_spec import HostSpec
from ferryman.specs.vm_spec import StorageSpec, VmSpec


def image_copy(
    spec: VmSpec, source: HostSpec, destination: HostSpec, *, running: bool, tls: bool, as_root: bool = True
) -> ImageCopy:
    """The way that keeps the guest down for the shortest time. `tls`: both hosts have certificates.

    Serving and copying images takes SSH to both hosts, and commands there `as_root`. Without, and where they must not
    travel in plain text and there is no TLS for them, they go through libvirt's own connections.
    """
    must_be_hidden = spec.encryption is Encryption.REQUIRE and not tls
    if must_be_hidden or not (as_root and _by_ssh(source) and _by_ssh(destination)):
        return ImageCopy.STREAM
    return ImageCopy.MIRROR if running and spec.cold.presync else ImageCopy.NBD


def stream_is_encrypted(source: HostSpec, destination: HostSpec) -> bool:
    """Whether libvirt's own connections to both hosts are."""
    return _by_ssh(source) and _by_ssh(destination)


def destination_format(source: Volume, spec: StorageSpec, pool: Pool | None, overwritten: Volume | None) -> str:
    """What the disk will be there."""
    if overwritten is not None:
        return overwritten.format
    if pool is not None and traits(pool.kind).raw_only:
        return "raw"
    return source.format if spec.format is DiskFormat.KEEP else spec.format.value


def conversion_findings(disks: Sequence[DiskPlan], way: ImageCopy) -> tuple[Finding, ...]:
    """What takes the file's bytes as they are can change neither format nor kind."""
    if way is not ImageCopy.STREAM:
        return ()
    return tuple(
        Finding(
            code=FindingCode.CONVERSION,
            severity=Severity.BLOCKER,
            reason=f"{disk.target}: {disk.source.format} becomes {disk.format} there, which takes a copy over NBD: "
            "SSH to both hosts with the rights of root, and certificates where it is to be encrypted",
            remedy="Keep the format ([storage] format); or give both hosts qemu+ssh URIs with a user that is root or "
            "has passwordless sudo, and certificates (docs/tls.md) or require no encryption.",
        )
        for disk in disks
        if disk.transfer is DiskTransfer.COPY and (disk.format != disk.source.format or disk.overwrites)
    )


def larger_findings(
    vm: DomainDetail, disks: Sequence[DiskPlan], destination: HostDetail, way: ImageCopy
) -> tuple[Finding, ...]:
    """Volumes that are to be overwritten and hold more than the disk: seen to fail late, after all was copied."""
    larger = [
        (disk, volume)
        for disk in disks
        if disk.overwrites
        and (volume := destination.volumes.get(disk.destination)) is not None
        and volume.capacity_bytes > disk.source.capacity_bytes
    ]
    return tuple(found for disk, volume in larger for found in _larger(vm, disk, volume, way))


def _larger(vm: DomainDetail, disk: DiskPlan, volume: Volume, way: ImageCopy) -> tuple[Finding, Finding]:
    sizes = (
        f"{disk.target}: its spec says overwrite {disk.destination.pool}/{disk.destination.name}, which holds "
        f"{volume.capacity_bytes} bytes, and the disk has {disk.source.capacity_bytes}"
    )
    mirrored = f"{sizes}: QEMU mirrors a disk only onto one of its own size"
    grow = f"virsh blockresize {vm.domain.name} {disk.target} {volume.capacity_bytes}B"
    alike = f"Let the disk grow while the VM runs: {grow}; or make that volume as large as the disk."
    cold = Finding(
        code=FindingCode.VOLUME_LARGER_COLD,
        severity=Severity.BLOCKER if way is ImageCopy.MIRROR else Severity.WARNING,
        reason=mirrored
        if way is ImageCopy.MIRROR
        else f"{sizes}: unless the rest of it is all zeros, the copy is refused",
        remedy=f"{alike} Or have it copied once the VM is off, onto zeros: [cold] presync = false",
    )
    live = Finding(code=FindingCode.VOLUME_LARGER, severity=Severity.BLOCKER, reason=mirrored, remedy=alike)
    return live, cold


def machine_file_findings(vm: DomainDetail, way: ImageCopy) -> tuple[Finding, ...]:
    """Firmware variables and a TPM's state are files of the host; without SSH to both they would stay behind."""
    if vm.needs.nvram_device:
        return (_nvram_stays(vm),)
    files = files_of(vm.domain.uuid, vm.needs)
    if not files or way is not ImageCopy.STREAM:
        return ()
    return (
        Finding(
            code=FindingCode.MACHINE_FILES_STAY,
            severity=Severity.BLOCKER,
            reason=f"its firmware's variables or its TPM's state ({', '.join(files)}) come along only over SSH, as "
            "root",
            remedy="Give both hosts qemu+ssh URIs in their specs with a user that is root or has passwordless sudo, or "
            "allow live for it and move it while it runs.",
        ),
    )


def _nvram_stays(vm: DomainDetail) -> Finding:
    return Finding(
        code=FindingCode.MACHINE_FILES_STAY,
        severity=Severity.BLOCKER,
        reason=f"its firmware's variables are kept in no file ({vm.needs.nvram_device}): ferryman copies files only, "
        "and cannot tell whether the destination sees the same",
        remedy=f"Keep them in a file: virsh edit {vm.domain.name}, <nvram type='file'><source file='...'/></nvram>, "
        "with a copy of what is there now; or allow live for it and move it while it runs.",
    )


def _by_ssh(host: HostSpec) -> bool:
    return urlsplit(host.uri).scheme == "qemu+ssh"
