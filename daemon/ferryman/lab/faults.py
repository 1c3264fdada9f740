"""What goes wrong between hosts, on demand: slow, frozen and cut links."""

from __future__ import annotations

from ferryman.lab.ledger import OPERATOR, Ledger
from ferryman.lab.namespaces import Namespace
from ferryman.lab.network import UPLINK

_TABLE = "ferryman_lab"
_SMALLEST_BURST_BYTES = 64 * 1024
_FROZEN_BYTES = 64 * 1024**2
"""Of packets that a frozen link keeps."""
_SSH_PORT = 22
_BURSTS_PER_S = 100
"""A bucket must hold what passes between two of the kernel's timer ticks."""


def narrow(lab: Ledger, name: str, mbit_s: int) -> None:
    """Limit the host's link to `mbit_s` megabits per second each way."""
    burst_bytes = max(_SMALLEST_BURST_BYTES, mbit_s * 1_000_000 // 8 // _BURSTS_PER_S)
    shape = ["tbf", "rate", f"{mbit_s}mbit", "burst", str(burst_bytes), "latency", "100ms"]
    for namespace, interface in _both_ends(lab, name):
        namespace.run("tc", "qdisc", "replace", "dev", interface, "root", *shape)


def widen(lab: Ledger, name: str) -> None:
    """Take the limit away; nothing happens where there is none."""
    for namespace, interface in _both_ends(lab, name):
        if "tbf" in namespace.run("tc", "qdisc", "show", "dev", interface):
            namespace.run("tc", "qdisc", "delete", "dev", interface, "root")


def freeze(lab: Ledger, name: str) -> None:
    """Let nothing through on the host's link, and lose nothing: what is sent waits until `widen`, connections too."""
    shape = ["tbf", "rate", "8bit", "burst", str(_SMALLEST_BURST_BYTES), "limit", str(_FROZEN_BYTES)]
    for namespace, interface in _both_ends(lab, name):
        namespace.run("tc", "qdisc", "replace", "dev", interface, "root", *shape)


def cut(lab: Ledger, name: str) -> None:
    """Pull the host's cable at the switch: nobody is told, packets vanish."""
    lab.operator.run("ip", "link", "set", lab.layout.machine(name).switch_port, "down")


def cut_port(lab: Ledger, name: str, ports: str, *, reset: bool = False) -> None:
    """Stop TCP on the host's own ports (`49152` or `49152-49215`): dropped in silence, or answered by a reset."""
    namespace = _namespace(lab, name)
    verdict = "reject with tcp reset" if reset else "drop"
    rules = f"""\
add table inet {_TABLE}
add chain inet {_TABLE} input {{ type filter hook input priority 0; }}
add chain inet {_TABLE} output {{ type filter hook output priority 0; }}
add rule inet {_TABLE} input tcp dport {ports} {verdict}
add rule inet {_TABLE} output tcp sport {ports} {verdict}
"""
    namespace.run("nft", "--file", "-", stdin=rules)


def bar_peers(lab: Ledger, name: str) -> None:
    """Let no other host log in here by SSH, nor its libvirtd; daemons still do, and the migration ports answer."""
    others = ", ".join(one.address for one in lab.layout.hosts if one.name != name)
    rules = f"""\
add table inet {_TABLE}
add chain inet {_TABLE} input {{ type filter hook input priority 0; }}
add rule inet {_TABLE} input ip saddr {{ {others} }} tcp dport {_SSH_PORT} reject with tcp reset
"""
    _namespace(lab, name).run("nft", "--file", "-", stdin=rules)


def cut_towards(lab: Ledger, name: str, other: str) -> None:
    """Drop what the host sends to another machine of the lab; what that one sends still arrives."""
    address = lab.layout.operator_address if other == OPERATOR else lab.layout.machine(other).address
    rules = f"""\
add table inet {_TABLE}
add chain inet {_TABLE} output {{ type filter hook output priority 0; }}
add rule inet {_TABLE} output ip daddr {address} drop
"""
    _namespace(lab, name).run("nft", "--file", "-", stdin=rules)


def heal(lab: Ledger, name: str) -> None:
    """Plug the cable in again and open all ports to all."""
    namespace = _namespace(lab, name)
    lab.operator.run("ip", "link", "set", lab.layout.machine(name).switch_port, "up")
    # Adding first makes deleting succeed also where there was no table.
    namespace.run("nft", "--file", "-", stdin=f"add table inet {_TABLE}\ndelete table inet {_TABLE}\n")


def _both_ends(lab: Ledger, name: str) -> list[tuple[Namespace, str]]:
    """The host's cable: its end at the switch shapes what the host receives, the other what it sends."""
    planned = lab.layout.machine(name)
    return [(lab.operator, planned.switch_port), (_namespace(lab, name), UPLINK)]


def _namespace(lab: Ledger, name: str) -> Namespace:
    return lab.namespace(lab.layout.machine(name).name)
