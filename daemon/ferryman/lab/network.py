"""The lab's cables: a switch in the operator's namespace, and a cable from it to every machine's bridge."""

from __future__ import annotations

from ferryman.lab import shell
from ferryman.lab.layout import HOST_BRIDGE, Layout, MachineLayout
from ferryman.lab.namespaces import Namespace

UPLINK = "uplink"
"""A machine's end of its cable."""


def build_switch(layout: Layout, operator: Namespace) -> None:
    """Make the switch, with the operator's address on it.

    Neighbours are asked for every 50 ms rather than once a second: a probe would otherwise see a
    moved guest's return up to a second late.
    """
    _make_bridge(operator, layout.switch, layout.with_prefix(layout.operator_address))
    operator.run("sysctl", "-qw", f"net.ipv4.neigh.{layout.switch}.retrans_time_ms=50")


def plug_in(layout: Layout, operator: Namespace, machine: MachineLayout, namespace: Namespace) -> None:
    """Make a machine's bridge, and its cable to the switch."""
    peer = ["peer", "name", UPLINK, "netns", str(namespace.holder.pid)]
    operator.run("ip", "link", "add", machine.switch_port, "type", "veth", *peer)
    operator.run("ip", "link", "set", machine.switch_port, "master", layout.switch, "up")
    _make_bridge(namespace, HOST_BRIDGE, layout.with_prefix(machine.address))
    namespace.run("ip", "link", "set", UPLINK, "master", HOST_BRIDGE, "up")


def _make_bridge(namespace: Namespace, name: str, address: str) -> None:
    """A bridge without spanning tree: with it a new port forwards only after seconds."""
    namespace.run("ip", "link", "set", "lo", "up")
    # An address of its own, or the bridge would take the lowest of its ports' and change with them.
    last_bytes = ":".join(f"{int(part):02x}" for part in address.partition("/")[0].split("."))
    options = ["type", "bridge", "stp_state", "0", "forward_delay", "0"]
    namespace.run("ip", "link", "add", name, "address", f"02:fe:{last_bytes}", *options)
    namespace.run("ip", "address", "add", address, "dev", name)
    namespace.run("ip", "link", "set", name, "up")


def is_of_lab(layout: Layout, pid: int) -> bool:
    """Whether the process sees this lab's switch, which no other namespace has."""
    seen = shell.attempt(["nsenter", f"--target={pid}", "--net", "--", "ip", "link", "show", layout.switch])
    return seen.returncode == 0
