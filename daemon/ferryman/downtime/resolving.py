"""A name becomes the one address that is probed: once, before the move, and within a bounded time.

Never during a move: a resolver that hangs would be taken for an outage, and one that answers otherwise would put
another machine in the guest's place.
"""

from __future__ import annotations

import errno
import ipaddress
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence

_RESOLVE_S = 3.0
_ANSWER_S = 0.5


class ResolveError(ValueError):
    """The name stands for no address; the message names the remedy."""


def find_address(name: str, port: int) -> str:
    """The address to probe: the name's first one whose port answers; without any, its first.

    An address is returned as it is, unasked. Takes at most 3.5 s. Raises ResolveError.
    """
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        addresses = resolve(name)
        return addresses[0] if len(addresses) == 1 else first_answering(addresses, port)
    if isinstance(address, ipaddress.IPv6Address):
        _check_scope(name, address)
    return name


def _check_scope(name: str, address: ipaddress.IPv6Address) -> None:
    """A link-local address means something on one interface only. Raises ResolveError."""
    plain, _, scope = name.partition("%")
    if address.is_link_local and not scope:
        raise ResolveError(
            f"probe address {name} is link-local and does not say on which interface: "
            f"write {plain}%INTERFACE (ip -brief link shows them), or give another address"
        )
    try:
        socket.getaddrinfo(name, None, socket.AF_INET6, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except OSError as error:
        raise ResolveError(
            f"probe address {name}: this machine has no interface {scope}: "
            f"write {plain}%INTERFACE (ip -brief link shows them)"
        ) from error


def resolve(name: str) -> tuple[str, ...]:
    """All addresses of a name, in the resolver's order of preference. Raises ResolveError."""
    found: list[str] = []
    trouble: list[str] = ["no answer from the resolver"]

    def ask() -> None:
        try:
            infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            trouble.append(str(error))
            return
        found.extend(socket.getnameinfo(info[4], socket.NI_NUMERICHOST)[0] for info in infos)

    # getaddrinfo has no time limit of its own; a thread that hangs in it ends with the process.
    asking = threading.Thread(target=ask, name=f"resolve {name}", daemon=True)
    asking.start()
    asking.join(_RESOLVE_S)
    if not found:
        raise ResolveError(
            f"probe address {name!r} does not resolve ({trouble[-1]}): give an IP address, or mend the name"
        )
    return tuple(dict.fromkeys(found))


def first_answering(addresses: Sequence[str], port: int, *, within_s: float = _ANSWER_S) -> str:
    """The first of the addresses whose port answers within that time; without any, the first."""
    asked = {asking.fileno(): (asking, address) for address in addresses if (asking := _ask(address, port))}
    answered, give_up_at = set(), time.monotonic() + within_s
    with select.epoll() as events:
        for fd in asked:
            events.register(fd, select.EPOLLOUT | select.EPOLLONESHOT)
        pending = len(asked)
        while pending and (left_s := give_up_at - time.monotonic()) > 0:
            for fd, _ in events.poll(left_s):
                pending -= 1
                asking, address = asked[fd]
                if asking.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    answered.add(address)
    for asking, _ in asked.values():
        asking.close()
    return next((address for address in addresses if address in answered), addresses[0])


def _ask(address: str, port: int) -> socket.socket | None:
    """A half-open connection, as a probe is; None where there is no way to that address."""
    asking = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    asking.setblocking(False)
    asking.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    destination = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0][4]
    if asking.connect_ex(destination) in (0, errno.EINPROGRESS):
        return asking
    asking.close()
    return None
