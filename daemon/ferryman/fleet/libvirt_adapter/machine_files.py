"""A VM's NVRAM and TPM state, over SSH: libvirt has no call for them."""

from __future__ import annotations

import base64
from collections.abc import Collection

from ferryman.fleet.errors import FailureKind, OperationFailedError
from ferryman.fleet.libvirt_adapter.scripts import RootScripts
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.machine_files import MOST_BYTES

_ABSENT = 'for path; do $root test -e "$path" || echo "$path"; done'
# Options end at "--"; paths are absolute and are stored without the first slash, as tar does.
_FETCH = (
    'for path; do $root test -e "$path" && set -- "$@" ".$path"; shift; done; '
    "[ $# -gt 0 ] || exit 0; "
    'archive=$(mktemp) && $root tar -C / -cf - -- "$@" >"$archive" && base64 "$archive"; '
    'status=$?; rm -f "$archive"; exit "$status"'
)
_STORE = "base64 -d | $root tar -C / -xpf -"
_REMOVE = '$root rm -rf -- "$@"'


class LibvirtMachineFiles:
    """`MachineFiles` over the session's SSH."""

    def __init__(self, session: LibvirtSession) -> None:
        self._scripts = RootScripts(session, "test, tar and rm")

    def absent(self, paths: Collection[str]) -> frozenset[str]:
        """Those that the host does not have."""
        return frozenset(self._run("looking for machine files", _ABSENT, paths))

    def fetch(self, paths: Collection[str]) -> bytes:
        """Those that the host has, as an archive."""
        printed = "".join(self._run("reading machine files", _FETCH, paths))
        if len(printed) > MOST_BYTES:
            raise OperationFailedError(
                FailureKind.OTHER,
                f"{self._scripts.host}: {', '.join(paths)} hold more than {MOST_BYTES // 1024**2} MiB",
                "See what lies there: it is no NVRAM and no TPM's state.",
            )
        return base64.b64decode(printed)

    def store(self, archive: bytes) -> None:
        """Put them where they were on the other host."""
        if archive:
            self._run("writing machine files", _STORE, (), base64.encodebytes(archive))

    def remove(self, paths: Collection[str]) -> None:
        """Remove files and folders."""
        if paths:
            self._run("removing machine files", _REMOVE, paths)

    def _run(self, doing: str, script: str, arguments: Collection[str], given: bytes = b"") -> list[str]:
        with self._scripts.start(doing, script, *arguments) as program:
            program.send(given)
            printed = list(program.lines())
            if program.finish() != 0:
                raise self._scripts.failure(doing, program)
        return printed
