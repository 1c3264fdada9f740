"""Disks' content between hosts: mirrors through libvirt, servers and copies by the hosts' own QEMU tools."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from ferryman.fleet import image_tools
from ferryman.fleet.certificates import Certificates
from ferryman.fleet.errors import FailureKind, HostUnreachableError, OperationFailedError
from ferryman.fleet.images import Export, Image, Mirror
from ferryman.fleet.libvirt_adapter.scripts import RootScripts
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.ssh.remote import RemoteProgram

_PROGRESS = re.compile(r"\((\d+(?:\.\d+)?)/100%\)")
_SAME, _DIFFERENT = 0, 1
_MIB = 1024 * 1024
_NO_JOB = frozenset({libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_INVALID_ARG})
_MIRROR_FLAGS = (
    # Of a persistent domain; the copy is the source's for no longer than its QEMU lives.
    libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
    | libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT
    # Without it a guest that powers off leaves a copy that lacks its last writes.
    | libvirt.VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES
)
_BEAT_PATIENCE_S = 1.0
_DROP_MIRRORS = """
pid=$(cat "/run/libvirt/qemu/$1.pid") || exit
ss -Htnp state established | grep "pid=$pid," | while read -r _ _ here there _; do
    port=${there##*:}
    if [ "$port" -ge 49152 ] && [ "$port" -le 49215 ]; then
        ss -K sport = ":${here##*:}" dport = ":$port"
    fi
done
"""
"""Kills what QEMU has open to other hosts' NBD servers for its mirrors, and nothing else."""
_LAST_WORD_WITHIN_S = 5.0
"""The end of a QEMU that a call has just seen is told within a small part of this."""


class LibvirtImages:
    """`Images` by libvirt, and by QEMU's tools over SSH."""

    def __init__(self, session: LibvirtSession, certificates: Callable[[], Certificates | None]) -> None:
        """`certificates`: those that the host is known to have now."""
        self._session = session
        self._certificates = certificates
        self._scripts = RootScripts(session, "qemu-nbd, qemu-img, dd, cat, rm and kill")

    @contextmanager
    def serve(self, image: Image, *, name: str, address: str, tls_name: str = "") -> Iterator[Export]:
        """Serve an image to be written, until the block ends; then all of it is on the disk."""
        doing = f"serving {image.path}"
        folder = self._certificate_folder(doing, tls_name)
        wanted = image_tools.served(image, name=name, address=address, certificates=folder)
        with self._scripts.start(doing, image_tools.SERVE, *wanted) as program:
            port = next((int(line) for line in program.lines() if line.isdecimal()), None)
            if port is None:
                raise self._failure(doing, program)
            with _signs_of_life(program):
                yield Export(address=address, port=port, name=name, tls_name=tls_name)
            if program.finish() != 0:
                raise self._failure(doing, program)

    def mirror(self, vm: str, target: str, export: Export, *, bandwidth_mib_s: int) -> None:
        """Begin to mirror a running VM's disk, its writes included."""
        parameters: dict[str, Any] = {}
        if bandwidth_mib_s:
            parameters[libvirt.VIR_DOMAIN_BLOCK_COPY_BANDWIDTH] = bandwidth_mib_s * _MIB
        with self._session.connection(f"mirroring {vm}'s {target}") as connection:
            self._session.mirrors.begin(vm, target)
            connection.lookupByName(vm).blockCopy(target, _destination_xml(export), parameters, _MIRROR_FLAGS)

    def mirrored(self, vm: str, target: str) -> Mirror | None:
        """How far it is; None where there is no mirror, or it has failed."""
        with self._session.connection(f"reading {vm}'s mirror") as connection:
            try:
                info = connection.lookupByName(vm).blockJobInfo(target)
            except libvirt.libvirtError as error:
                if error.get_error_code() in _NO_JOB:
                    return None
                raise
        if not info or info.get("type") != libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_COPY:
            return None
        # libvirt lets both be equal only once the job is ready.
        total, processed = info["end"], info["cur"]
        return Mirror(total_bytes=total, processed_bytes=processed, ready=0 < total == processed)

    def mirror_broke(self, vm: str, target: str) -> bool:
        """Whether it ended before the VM's QEMU did; asked once the VM is off."""
        # A connection that broke, and is made anew for this call, has told nothing.
        with self._session.connection(f"reading {vm}") as connection:
            connection.lookupByName(vm).state()
        return self._session.mirrors.broke(vm, target, _LAST_WORD_WITHIN_S)

    def cancel_mirror(self, vm: str, target: str) -> None:
        """End it; the VM goes on without. No mirror, or no such VM, is no error."""
        self._session.mirrors.forget(vm, target)
        # QEMU cancels no write that is on its way, and libvirt waits with it: a quarter of an hour where the other end
        # is gone without a word. Only the host's kernel ends that.
        self._session.run(["sh", "-c", _DROP_MIRRORS, "sh", vm])
        with self._session.connection(f"ending {vm}'s mirror") as connection:
            try:
                connection.lookupByName(vm).blockJobAbort(target)
            except libvirt.libvirtError as error:
                if error.get_error_code() not in _NO_JOB:
                    raise

    def reach(self, export: Export) -> None:
        """Connect to an export once, and change nothing."""
        doing = f"reaching {export.uri}"
        wanted = image_tools.asked(export, certificates=self._certificate_folder(doing, export.tls_name))
        with self._scripts.start(doing, image_tools.REACH, *wanted) as program:
            for _ in program.lines():
                pass
            if program.finish() != 0:
                raise self._failure(doing, program)

    def copy(self, image: Image, export: Export, *, bandwidth_mib_s: int, told: Callable[[float], None]) -> None:
        """Copy an image that nobody writes."""
        doing = f"copying {image.path}"
        folder = self._certificate_folder(doing, export.tls_name)
        wanted = image_tools.copied(image, export, certificates=folder, bandwidth_mib_s=bandwidth_mib_s)
        with self._scripts.start(doing, image_tools.QEMU_IMG, *wanted) as program:
            _follow(program, told)
            if program.finish() != 0:
                raise self._failure(doing, program)

    def same(self, image: Image, export: Export, *, told: Callable[[float], None]) -> bool:
        """Whether the guest would see the same in both."""
        doing = f"comparing {image.path}"
        folder = self._certificate_folder(doing, export.tls_name)
        wanted = image_tools.compared(image, export, certificates=folder)
        with self._scripts.start(doing, image_tools.QEMU_IMG, *wanted) as program:
            _follow(program, told)
            status = program.finish()
            if status not in (_SAME, _DIFFERENT):
                raise self._failure(doing, program)
            return status == _SAME

    def _certificate_folder(self, doing: str, tls_name: str) -> str:
        """Empty where none is needed; never where one is."""
        if not tls_name:
            return ""
        seen = self._certificates()
        if seen is None:
            raise OperationFailedError(
                FailureKind.OTHER,
                f"{self._session.host}: {doing} under TLS: it is not known where its certificates are",
                "Let the SSH user read them; docs/tls.md says where they belong.",
            )
        return seen.folder

    def _failure(self, doing: str, program: RemoteProgram) -> OperationFailedError:
        ways = f"See whether the other host reaches {self._scripts.host} on ports 49152-49215; it is tried again."
        return self._scripts.failure(doing, program, ways)


def _destination_xml(export: Export) -> str:
    disk = ET.Element("disk", type="network", device="disk")
    ET.SubElement(disk, "driver", name="qemu", type="raw")
    # The source's libvirt knows where its own certificates are.
    secured = {"tls": "yes", "tlsHostname": export.tls_name} if export.tls_name else {}
    source = ET.SubElement(disk, "source", {"protocol": "nbd", "name": export.name, **secured})
    ET.SubElement(source, "host", name=export.address, port=str(export.port))
    return ET.tostring(disk, encoding="unicode")


@contextmanager
def _signs_of_life(program: RemoteProgram) -> Iterator[None]:
    """While the block goes on, say so to a program that ends where it hears nothing."""
    over = threading.Event()

    def beat() -> None:
        with suppress(HostUnreachableError):  # it has ended, or will; its user finds out
            while not over.wait(image_tools.BEAT_EVERY_S):
                program.write(image_tools.BEAT)

    beating = threading.Thread(target=beat, name="signs of life", daemon=True)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join(_BEAT_PATIENCE_S)


def _follow(program: RemoteProgram, told: Callable[[float], None]) -> None:
    for line in program.lines():
        found = _PROGRESS.search(line)
        if found:
            told(float(found.group(1)) / 100)
