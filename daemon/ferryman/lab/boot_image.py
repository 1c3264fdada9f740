"""A bzImage's kernel, unpacked (pure, but for the programs that unpack).

An emulated processor unpacks its kernel in half a second; this machine's does it in a twentieth, once for all guests.
QEMU boots the unpacked one by its PVH entry (`CONFIG_PVH`). Fields by Linux's Documentation/arch/x86/boot.rst.
"""

from __future__ import annotations

import lzma
import re
import struct
import tempfile
from pathlib import Path

from ferryman.lab import shell

_SETUP_SECTORS_AT, _MAGIC_AT, _VERSION_AT, _PAYLOAD_AT = 0x1F1, 0x202, 0x206, 0x248
_MAGIC = b"HdrS"
_WITH_PAYLOAD = 0x208
"""The boot protocol's version from which on the header tells where the payload is."""
_SIZE_BYTES = 4
"""How large it will be, behind what is packed."""
_LZ4, _XZ = b"\x02\x21\x4c\x18", b"\xfd7zXZ\x00"
_ELF = b"\x7fELF"
_PVH_NOTE = re.compile(rb"\x04\0\0\0[\x04\x08]\0\0\0\x12\0\0\0Xen\0")
"""The head of XEN_ELFNOTE_PHYS32_ENTRY, which says where PVH enters. See QEMU's hw/i386/x86.c."""


def unpack(image: Path) -> bytes | None:
    """The ELF file in a bzImage; None where it is packed otherwise, or cannot be entered by PVH.

    Raises LabError where the program that unpacks it fails.
    """
    packed = _payload(image.read_bytes())
    if packed is None:
        return None
    if packed.startswith(_XZ):
        plain = lzma.decompress(packed)
    elif packed.startswith(_LZ4):
        plain = _lz4(packed)
    else:
        return None
    return plain if plain.startswith(_ELF) and _PVH_NOTE.search(plain) else None


def _payload(image: bytes) -> bytes | None:
    if image[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] != _MAGIC:
        return None
    (version,) = struct.unpack_from("<H", image, _VERSION_AT)
    if version < _WITH_PAYLOAD:
        return None
    offset, length = struct.unpack_from("<II", image, _PAYLOAD_AT)
    begin = (image[_SETUP_SECTORS_AT] + 1) * 512 + offset
    return image[begin : begin + length - _SIZE_BYTES]


def _lz4(packed: bytes) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ferryman-kernel-") as folder:
        source, plain = Path(folder, "kernel.lz4"), Path(folder, "kernel.elf")
        source.write_bytes(packed)
        shell.output(["lz4", "--decompress", "--quiet", str(source), str(plain)], timeout_s=60)
        return plain.read_bytes()
