"""Which VMs have a disk on a volume: pure."""

from __future__ import annotations

from collections.abc import Mapping

from ferryman.fleet.storage import Volume


def users(volume: Volume, disk_paths: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """By name. `disk_paths`: of the volume's own host, as `Domains.disk_paths` tells them."""
    return tuple(sorted(vm for vm, paths in disk_paths.items() if volume.path in paths))
