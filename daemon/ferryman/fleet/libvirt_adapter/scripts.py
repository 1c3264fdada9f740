"""Shell scripts on a host, over its session's SSH: for what libvirt has no call for."""

from __future__ import annotations

from ferryman.fleet.errors import FailureKind, OperationFailedError
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.ssh.remote import RemoteProgram

_AS_ROOT = 'root=; [ "$(id -u)" = 0 ] || root="sudo -n"; '
_NOT_ALLOWED = ("sudo", "Permission denied")


class RootScripts:
    """Scripts in which `$root COMMAND` runs a command as root, for one purpose."""

    def __init__(self, session: LibvirtSession, commands: str) -> None:
        """`commands`: those that are run as root, for the remedy where they may not be."""
        self._session = session
        self._commands = commands

    @property
    def host(self) -> str:
        """Where they run."""
        return self._session.host

    def start(self, doing: str, script: str, *arguments: str) -> RemoteProgram:
        """Start a script. Raises HostUnreachableError; OperationFailedError for a host without SSH."""
        program = self._session.start(["sh", "-c", _AS_ROOT + script, "sh", *arguments])
        if program is None:
            raise OperationFailedError(
                FailureKind.OTHER,
                f"{self.host}: {doing}: it is not reached by SSH",
                "Give the host a qemu+ssh URI in its spec.",
            )
        return program

    def failure(self, doing: str, program: RemoteProgram, remedy: str = "") -> OperationFailedError:
        """What a script that ended badly said; `remedy` where it was not for want of rights."""
        complaint = program.complaint() or "it ended without a word"
        if "not found" in complaint and "qemu-" in complaint:
            remedy = "apt-get install qemu-utils (there)"
        elif not remedy or any(words in complaint for words in _NOT_ALLOWED):
            remedy = f"Let the SSH user be root, or allow it passwordless sudo for {self._commands}."
        return OperationFailedError(FailureKind.OTHER, f"{self.host}: {doing}: {complaint}", remedy)
