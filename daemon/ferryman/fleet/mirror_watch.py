"""Whether a mirror was whole until its VM's QEMU ended, by what one connection told of both, in its order. Pure."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(slots=True)
class _Watched:
    """One disk's mirror."""

    broken: bool = False
    guest_is_down: bool = False
    """The guest has powered itself off: no write comes any more, and QEMU ends its jobs by itself."""
    qemu_ended: bool = False
    """Nothing more will be told of it."""


class MirrorWatch:
    """A host's mirrors of ours, by VM and disk. Safe from several threads.

    What was not told is not taken for good: a mirror is whole only where the end of its QEMU was told, by the very
    connection that would have told of the mirror's own end before.
    """

    def __init__(self) -> None:
        self._told = threading.Condition()
        self._mirrors: dict[tuple[str, str], _Watched] = {}

    def begin(self, vm: str, target: str) -> None:
        """From now on it must not end unseen."""
        with self._told:
            self._mirrors[vm, target] = _Watched()

    def forget(self, vm: str, target: str) -> None:
        """It is to end."""
        with self._told:
            self._mirrors.pop((vm, target), None)

    def job_failed(self, vm: str, target: str) -> None:
        """The hypervisor tells of a write that did not arrive, also once the guest is down."""
        with self._told:
            if (vm, target) in self._mirrors:
                self._mirrors[vm, target].broken = True

    def job_ended(self, vm: str, target: str) -> None:
        """It was cancelled or completed: by somebody, or by a QEMU that is ending."""
        with self._told:
            watched = self._mirrors.get((vm, target))
            if watched is not None and not watched.guest_is_down:
                watched.broken = True

    def guest_is_down(self, vm: str) -> None:
        """The guest has powered itself off."""
        with self._told:
            for watched in self._of(vm):
                watched.guest_is_down = True

    def qemu_ended(self, vm: str) -> None:
        """The last word of this run of the VM."""
        with self._told:
            for watched in self._of(vm):
                watched.guest_is_down = watched.qemu_ended = True
            self._told.notify_all()

    def connection_lost(self) -> None:
        """Nobody would have told."""
        with self._told:
            for watched in self._mirrors.values():
                watched.broken = True

    def broke(self, vm: str, target: str, patience_s: float) -> bool:
        """Whether it ended before the VM's QEMU did. Waits so long for word of that end; without it, it counts as so.

        One that is not watched (any more) has not broken.
        """
        with self._told:
            watched = self._mirrors.get((vm, target))
            if watched is None:
                return False
            self._told.wait_for(lambda: watched.qemu_ended or watched.broken, patience_s)
            self._mirrors.pop((vm, target), None)
            return watched.broken or not watched.qemu_ended

    def _of(self, vm: str) -> list[_Watched]:
        return [watched for (name, _), watched in self._mirrors.items() if name == vm]
