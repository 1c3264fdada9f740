"""SSH to hosts: the only importer of paramiko.

libvirt's own SSH transport is a subprocess whose failures are one vague line, and which waits for minutes
on a host that is gone. So each host is first reached here, with host keys verified and a time-out, and every
kind of failure gets its own remedy; the session then serves for what libvirt cannot tell (bridges).
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import paramiko

from ferryman.fleet.errors import HostUnreachableError
from ferryman.fleet.ssh.remote import SILENT_S, RemoteProgram
from ferryman.specs.host_spec import HostSpec

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 5.0
KEEPALIVE_S = 5
MAX_FILE_BYTES = 1024 * 1024
"""As much of a file as is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTarget:
    """Whom to reach and with what; the user's SSH configuration is already applied."""

    host: str
    """As the specs name it."""
    address: str
    port: int
    user: str
    identity_files: tuple[str, ...]
    known_hosts: tuple[str, ...]


def target_of(spec: HostSpec) -> SshTarget:
    """Where a host's spec leads: its `[ssh]` first, then its `uri`, then the user's SSH configuration."""
    url = urlsplit(spec.uri)
    alias = url.hostname or spec.name
    configured = _user_configuration().lookup(alias)
    known_hosts = spec.ssh.known_hosts or configured.get("userknownhostsfile", "~/.ssh/known_hosts")
    identity = [spec.ssh.identity_file] if spec.ssh.identity_file else configured.get("identityfile", [])
    return SshTarget(
        host=spec.name,
        address=configured.get("hostname", alias),
        port=spec.ssh.port or url.port or int(configured.get("port", "22")),
        user=spec.ssh.user or url.username or configured.get("user", "root"),
        identity_files=tuple(str(Path(file).expanduser()) for file in identity),
        known_hosts=tuple(str(Path(file).expanduser()) for file in known_hosts.split()),
    )


class SshSession:
    """An authenticated session with a host whose key was verified."""

    def __init__(self, client: paramiko.SSHClient, host: str) -> None:
        self._client = client
        self._host = host

    @classmethod
    def open(cls, target: SshTarget) -> SshSession:
        """Connect, verify the host's key, authenticate.

        Raises HostUnreachableError: no route, unknown or changed host key, no accepted key.
        """
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        for file in ("/etc/ssh/ssh_known_hosts", *target.known_hosts):
            if Path(file).exists():
                client.load_system_host_keys(file)
        try:
            client.connect(
                target.address,
                port=target.port,
                username=target.user,
                key_filename=list(target.identity_files) or None,  # type: ignore[arg-type]  # a list, as documented
                timeout=CONNECT_TIMEOUT_S,
                banner_timeout=CONNECT_TIMEOUT_S,
                auth_timeout=CONNECT_TIMEOUT_S,
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            client.close()
            raise _unreachable(target, error) from error
        transport = client.get_transport()
        if transport is not None:
            transport.set_keepalive(KEEPALIVE_S)
        return cls(client, target.host)

    def run(self, argv: Sequence[str], *, silent_s: float = COMMAND_TIMEOUT_S, most_bytes: int = -1) -> str:
        """What a short command prints, or the beginning of it; its exit status is not looked at.

        Raises HostUnreachableError where the session broke, or the command printed nothing for `silent_s`.
        """
        try:
            with self._channel(shlex.join(argv), silent_s) as channel:
                return channel.makefile("rb").read(most_bytes).decode(errors="replace")
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._broke(error) from error

    def files(self) -> RemoteFiles:
        """The host's files, over SFTP. Raises HostUnreachableError."""
        try:
            files = self._client.open_sftp()
            channel = files.get_channel()
            if channel is not None:
                channel.settimeout(COMMAND_TIMEOUT_S)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._broke(error) from error
        return RemoteFiles(files, self._broke)

    def start(self, argv: Sequence[str], *, silent_s: float = SILENT_S) -> RemoteProgram:
        """Start a program that may run for long, and prints something every `silent_s`. Raises HostUnreachableError."""
        try:
            return RemoteProgram(self._channel(shlex.join(argv), CONNECT_TIMEOUT_S), self._host, silent_s)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._broke(error) from error

    def close(self) -> None:
        """End the session."""
        self._client.close()

    def _channel(self, command: str, timeout_s: float) -> paramiko.Channel:
        """A command that has been started. Not by the client: one that another thread closes meanwhile has no error."""
        transport = self._client.get_transport()
        if transport is None:
            raise EOFError("it is closed")
        channel = transport.open_session(timeout=timeout_s)
        channel.settimeout(timeout_s)
        channel.exec_command(command)
        return channel

    def _broke(self, error: Exception) -> HostUnreachableError:
        return HostUnreachableError(
            f"{self._host}: the SSH session broke: {error or type(error).__name__}",
            "Nothing to do if the host comes back; ferryman tries again.",
        )


class RemoteFiles:
    """A host's files, to be read within one `with` block.

    Every call may raise PermissionError, or HostUnreachableError where the session broke.
    """

    def __init__(self, channel: paramiko.SFTPClient, broke: Callable[[Exception], HostUnreachableError]) -> None:
        self._channel = channel
        self._broke = broke

    def __enter__(self) -> Self:
        """Let go of the channel at the block's end."""
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def read(self, path: str) -> bytes | None:
        """A small file's content; None where there is none."""
        with self._translated():
            try:
                with self._channel.open(path) as file:
                    return file.read(MAX_FILE_BYTES)
            except FileNotFoundError:
                return None

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        with self._translated():
            try:
                self._channel.stat(path)
            except FileNotFoundError:
                return False
            return True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PermissionError:
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._broke(error) from error


def _user_configuration() -> paramiko.SSHConfig:
    file = Path("~/.ssh/config").expanduser()
    return paramiko.SSHConfig.from_path(str(file)) if file.exists() else paramiko.SSHConfig()


def _unreachable(target: SshTarget, error: Exception) -> HostUnreachableError:
    where = f"{target.host} ({target.user}@{target.address}:{target.port})"
    port = f"-p {target.port} " if target.port != 22 else ""
    file = target.known_hosts[0] if target.known_hosts else "~/.ssh/known_hosts"
    match error:
        case paramiko.BadHostKeyException():
            return HostUnreachableError(
                f"{where}: its SSH host key has changed; it may be another machine",
                f"If the host was reinstalled, compare its key by another way, then: "
                f"ssh-keygen -R {target.address} -f {file} && ssh-keyscan {port}{target.address} >> {file}",
            )
        case paramiko.AuthenticationException():
            return HostUnreachableError(
                f"{where}: no SSH key was accepted",
                f"ssh-copy-id {port}{target.user}@{target.address} (as the user that runs ferryman)",
            )
        case paramiko.SSHException() if "known_hosts" in str(error):
            return HostUnreachableError(
                f"{where}: its SSH host key is not known",
                f"Compare the key by another way, then: ssh-keyscan {port}{target.address} >> {file}",
            )
        case socket.gaierror():
            return HostUnreachableError(
                f"{where}: the name does not resolve",
                "Correct `uri` in the host's spec, or add the name to DNS.",
            )
        case _:
            return HostUnreachableError(
                f"{where}: no SSH connection: {error or type(error).__name__}",
                f"Check that the host is up and that port {target.port} is open from here: "
                f"ssh {port}{target.user}@{target.address} true",
            )
