"""What of a fake host others need who work for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ferryman.fleet.certificates import Certificates
from ferryman.fleet.fake.domains import FakeDomains
from ferryman.fleet.fake.storage import FakeVolumes


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """As much of a host as its migrations and images are concerned with."""

    name: str
    peer_uri: str
    domains: FakeDomains
    volumes: FakeVolumes
    certificates: Callable[[], Certificates | None]
    is_silent: Callable[[], bool]
    """Whether the daemon does not reach it."""
    reaches: Callable[[str], bool]
    """Whether its libvirtd can log in at that of another host, by its name."""
