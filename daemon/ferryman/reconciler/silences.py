"""VMs whose service was not seen again after a move: they are not called ready before somebody answers there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from ferryman.downtime.values import MeasurementStatus, ServiceCheck
from ferryman.records.audit.record import MigrationRecord, Outcome
from ferryman.records.state.conditions import ServiceSilent

LISTEN_EVERY_S = 5.0
_STOP_PATIENCE_S = 5.0
"""For the connection under way."""

Check = Callable[[MigrationRecord], ServiceCheck]
"""Connects once to what was probed in a move, from where it was probed; may take seconds."""


class Silences:
    """Listens in the background, and wakes the loop where a service answers again. Safe from several threads."""

    def __init__(self, check: Check, wake: Callable[[], None]) -> None:
        self._check = check
        self._wake = wake
        self._silent: dict[str, MigrationRecord] = {}
        self._news = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def ended(self, record: MigrationRecord) -> None:
        """Go by how this newest attempt to move its VM ended."""
        with self._news:
            self._silent.pop(record.vm, None)
            if record.outcome is not Outcome.SUCCEEDED or record.measurement.status is not MeasurementStatus.NOT_BACK:
                return
            self._silent[record.vm] = record
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="silent services", daemon=True)
                self._thread.start()
            self._news.notify()

    def now(self) -> Mapping[str, ServiceSilent]:
        """What is to be said of the VMs that are still silent."""
        with self._news:
            silent = {
                vm: ServiceSilent(vm=vm, address=record.measurement.address, port=record.measurement.port)
                for vm, record in self._silent.items()
            }
        return MappingProxyType(silent)

    def close(self) -> None:
        """Listen no more."""
        with self._news:
            self._stopping = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join(_STOP_PATIENCE_S)

    def _listen(self) -> None:
        while not self._stopping:
            for record in self._still_silent():
                if self._check(record).working:
                    self._answered(record)
            with self._news:
                self._news.wait_for(lambda: self._stopping, LISTEN_EVERY_S if self._silent else None)

    def _still_silent(self) -> Sequence[MigrationRecord]:
        with self._news:
            self._news.wait_for(lambda: self._stopping or self._silent)
            return () if self._stopping else tuple(self._silent.values())

    def _answered(self, record: MigrationRecord) -> None:
        with self._news:
            if self._silent.get(record.vm) is record:
                del self._silent[record.vm]
        self._wake()
