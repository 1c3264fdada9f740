"""A host's certificates, seen by SSH and remembered: a move never waits for a look at them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol, Self

from ferryman.fleet.certificates import AUTHORITIES, ENDS, Certificates, certificates_of
from ferryman.fleet.errors import HostUnreachableError

QEMU_CONF = "/etc/libvirt/qemu.conf"
_OWN_FOLDER = "/etc/pki/libvirt-"
_DEFAULT_FOLDER = "/etc/pki/qemu"
_SETTING = re.compile(r'^\s*(migrate|nbd|default)_tls_x509_cert_dir\s*=\s*"([^"]+)"', re.MULTILINE)
_LOOK_EVERY_S = 60.0


class Files(Protocol):
    """A host's files, for one `with` block. Calls raise PermissionError, or HostUnreachableError."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def read(self, path: str) -> bytes | None:
        """A small file's content; None where there is none."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        ...


Reach = Callable[[], Files | None]
"""The host's files; None where it is not reached by SSH. May raise HostUnreachableError."""


class HostCertificates:
    """What was seen last. The first look is waited for; later ones are made in the background."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._seen: Certificates | None = None
        self._looked_at_s: float | None = None
        self._looking = threading.Lock()

    def latest(self) -> Certificates | None:
        """None: unknown, because the host is not reached by SSH or its files cannot be read. Never raises."""
        if self._looked_at_s is None:
            self._look()
        elif time.monotonic() - self._looked_at_s > _LOOK_EVERY_S:
            threading.Thread(target=self._look, name="certificates", daemon=True).start()
        return None if self._seen is None else replace(self._seen, as_of=datetime.now(UTC))

    def _look(self) -> None:
        """Look afresh, unless another thread does. A session that broke says nothing: the last look counts on."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            files = self._reach()
            self._seen = None if files is None else read_certificates(files, datetime.now(UTC))
        except HostUnreachableError:
            return
        finally:
            self._looked_at_s = time.monotonic()
            self._looking.release()


def read_certificates(files: Files, now: datetime) -> Certificates | None:
    """The certificates that a host's QEMU uses for migration; None where it may not be seen whether it has any.

    Raises HostUnreachableError.
    """
    with files:
        try:
            folder, lacking = _folders(files)
            wanted = [AUTHORITIES, *(f"{end}-cert.pem" for end in ENDS)]
            content = {name: files.read(f"{folder}/{name}") for name in wanted}
            # Of a key only whether it is there: it is the host's own secret.
            keys = {f"{end}-key.pem": b"" if files.exists(f"{folder}/{end}-key.pem") else None for end in ENDS}
        except PermissionError:
            return None
    return replace(certificates_of(folder, content | keys, now), mirrors_lack=lacking)


def folders_named(qemu_conf: str) -> dict[str, str]:
    """The folders of certificates that qemu.conf names, by what they are for: migrate, nbd or default."""
    return dict(_SETTING.findall(qemu_conf))


def _folders(files: Files) -> tuple[str, str]:
    """That for migrations, and that for mirrored disks where those are not to be found in it."""
    try:
        named = folders_named((files.read(QEMU_CONF) or b"").decode(errors="replace"))
    except PermissionError:
        named = {}  # it is root's alone on many systems; the default is what most hosts use
    migrate, nbd = (_folder(files, named, purpose) for purpose in ("migrate", "nbd"))
    clients = (AUTHORITIES, "client-cert.pem", "client-key.pem")
    found = migrate == nbd or all(files.exists(f"{nbd}/{name}") for name in clients)
    return migrate, "" if found else nbd


def _folder(files: Files, named: Mapping[str, str], purpose: str) -> str:
    """As libvirt has it: what qemu.conf names for this, a folder of its own if it exists, the default."""
    own = f"{_OWN_FOLDER}{purpose}"
    return named.get(purpose) or (own if files.exists(own) else named.get("default", _DEFAULT_FOLDER))
