"""IP addresses that a guest may have told: pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address


def told_addresses(found: Iterable[str]) -> tuple[str, ...]:
    """What can be an address of the guest among these strings, each once, in order.

    A guest's agent says whatever it likes. What is no IP address would be looked up as a name, and an address of this
    machine, or of many, would be probed in the guest's place.
    """
    return tuple(dict.fromkeys(address for address in found if _may_be_a_guest(address)))


def _may_be_a_guest(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)
