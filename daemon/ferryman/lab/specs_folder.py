"""The lab's fleet as specs, ready to copy."""

from __future__ import annotations

from ferryman.lab.layout import HostLayout, Layout

FLEET = """\
# What holds for the whole fleet; every key is optional.
[limits]
migrations = 2
"""


def write_fleet(layout: Layout) -> None:
    """Write `fleet.toml` and a file for each host."""
    for folder in ("hosts", "vms"):
        (layout.specs / folder).mkdir(parents=True, exist_ok=True)
    (layout.specs / "fleet.toml").write_text(FLEET)
    for host in layout.hosts:
        (layout.specs / "hosts" / f"{host.name}.toml").write_text(host_spec(host))


def write_guest(layout: Layout, name: str, host: str, address: str) -> None:
    """Write a guest's file."""
    (layout.specs / "vms" / f"{name}.toml").write_text(guest_spec(name, host, address))


def remove_guest(layout: Layout, name: str) -> None:
    """Remove a guest's file."""
    (layout.specs / "vms" / f"{name}.toml").unlink(missing_ok=True)


def host_spec(host: HostLayout) -> str:
    """A host's spec."""
    return f"""\
name = "{host.name}"
uri = "qemu+ssh://root@{host.name}/system"
migration_address = "{host.address}"
"""


def guest_spec(name: str, host: str, address: str) -> str:
    """A guest's spec: nobody depends on it, so it may be moved in every way that `ferryman bench` compares."""
    return f"""\
name = "{name}"
host = "{host}"
method = "auto"
# "cold": it may be powered off, which a VM of yours allows only where its spec says so.
allow = ["live", "cold"]

[probe]
address = "{address}"
port = 22
"""
