"""SSH keys of the lab: everyone in it may enter every host as root, and knows every host's key."""

from __future__ import annotations

from pathlib import Path

from ferryman.lab import shell
from ferryman.lab.layout import HostLayout, Layout
from ferryman.lab.ledger import make_folder

_CLIENT_KEY = "id_ed25519"


def write_keys(layout: Layout) -> None:
    """Make host keys, client keys, `known_hosts` and `authorized_keys` for the operator and every host."""
    for host in layout.hosts:
        _make_key(host_key(host), f"host {host.name}")
    homes = {"operator": layout.operator_ssh} | {host.name: host.ssh for host in layout.hosts}
    for name, home in homes.items():
        make_folder(home, 0o700)
        _make_key(home / _CLIENT_KEY, f"root@{name}")
    known = "".join(_known_line(host.name, host.address, _public(host_key(host))) for host in layout.hosts)
    authorized = "".join(_public(home / _CLIENT_KEY) for home in homes.values())
    for home in homes.values():
        (home / "known_hosts").write_text(known)
        (home / "authorized_keys").write_text(authorized)
        (home / "authorized_keys").chmod(0o600)


def operator_public_key(layout: Layout) -> str:
    """The operator's public key, as `authorized_keys` wants it."""
    return _public(layout.operator_ssh / _CLIENT_KEY)


def host_key(host: HostLayout) -> Path:
    """Where a host's own SSH key is."""
    return host.folder / "ssh_host_ed25519_key"


def trust(layout: Layout, name: str, address: str, public_key: str) -> None:
    """Let the operator know a guest's key; one that is known already is not added again."""
    known = layout.operator_ssh / "known_hosts"
    line = _known_line(name, address, public_key)
    if line not in known.read_text():
        with known.open("a") as lines:
            lines.write(line)


def _make_key(path: Path, comment: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shell.output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _known_line(name: str, address: str, public_key: str) -> str:
    kind, key = public_key.split()[:2]
    return f"{name},{address} {kind} {key}\n"


def _public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text()
