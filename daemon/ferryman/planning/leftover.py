"""What earlier moves left at a destination."""

from __future__ import annotations

from dataclasses import dataclass

from ferryman.fleet.storage import VolumeRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A volume that an audit record names as left behind by a VM."""

    host: str
    ref: VolumeRef
    vm_uuid: str
    in_doubt: str = ""
    """The attempt that created it, where it was left for a person to decide: nobody knows what is on it."""
