"""Diffie-Hellman parameters for QEMU's TLS: without a file of them QEMU 7 makes new ones for each migration.

That takes 0.5-1 s. The library of the certificates gives the method up, and would write another kind of file; this one,
PKCS #3, is two integers in DER.
"""

from __future__ import annotations

import base64
import textwrap
from functools import cache

_GENERATOR = 2
_SEQUENCE, _INTEGER, _TWO_BYTES_OF_LENGTH = b"\x30", b"\x02", b"\x82"
_SHORT = 128
_PEM_COLUMNS = 64


@cache
def ffdhe2048_pem() -> bytes:
    """The group ffdhe2048 of RFC 7919, appendix A.1, as PKCS #3: anybody may use it, nothing of it is secret."""
    der = _tagged(_SEQUENCE, _integer(ffdhe2048_prime()) + _integer(_GENERATOR))
    lines = textwrap.wrap(base64.b64encode(der).decode(), _PEM_COLUMNS)
    return "\n".join(["-----BEGIN DH PARAMETERS-----", *lines, "-----END DH PARAMETERS-----", ""]).encode()


def _integer(number: int) -> bytes:
    """With a leading zero where the first bit would be taken for a sign."""
    return _tagged(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def _tagged(tag: bytes, body: bytes) -> bytes:
    size = len(body)
    return tag + (bytes([size]) if size < _SHORT else _TWO_BYTES_OF_LENGTH + size.to_bytes(2)) + body


def ffdhe2048_prime() -> int:
    """p = 2^2048 - 2^1984 + ([2^1918 e] + 560316) 2^64 - 1, as RFC 7919 derives it."""
    return 2**2048 - 2**1984 + (_floor_of_e(1918) + 560_316) * 2**64 - 1


def _floor_of_e(bits: int) -> int:
    """[2^bits e], by e's series with some bits to spare.

    >>> _floor_of_e(3)
    21
    """
    spare = 128
    term, total, number = 1 << (bits + spare), 0, 0
    while term:
        total += term
        number += 1
        term //= number
    return total >> spare
