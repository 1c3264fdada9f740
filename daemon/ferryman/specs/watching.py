"""Wakes the loop when a source may have changed. It says only: look again; what changed is never taken from here.

Events can be lost (a folder made anew, a full queue, no inotify): the caller looks again now and then anyway.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from ferryman.specs.source import WatchedPlace

# Being opened and read is left out: looking would wake the loop for ever.
_CHANGES = frozenset({EVENT_TYPE_CLOSED, EVENT_TYPE_CREATED, EVENT_TYPE_DELETED, EVENT_TYPE_MODIFIED, EVENT_TYPE_MOVED})


@dataclass(slots=True)
class Watcher:
    """Calls `wake` from a thread of its own while the context lasts; `wake` must be quick and may come in bursts."""

    places: Iterable[WatchedPlace]
    wake: Callable[[], None]
    unwatched: list[Path] = field(default_factory=list)
    """Places that could not be watched (not there, or no inotify watch left); known once the context is entered."""
    _observer: BaseObserver = field(default_factory=Observer)

    def __enter__(self) -> Self:
        """Begin to watch. Never fails: what cannot be watched is in `unwatched`."""
        self._observer.start()
        for place in self.places:
            try:
                handler = _Waker(place.names, self.wake)
                self._observer.schedule(handler, str(place.directory), recursive=place.recursive)
            except OSError:
                self.unwatched.append(place.directory)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; after this `wake` is not called again."""
        self._observer.stop()
        self._observer.join()


class _Waker(FileSystemEventHandler):
    """Wakes for changes of the names that count."""

    def __init__(self, names: frozenset[str] | None, wake: Callable[[], None]) -> None:
        self._names = names
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog for everything that happens in the place."""
        if event.event_type in _CHANGES and self._concerns(event):
            self._wake()

    def _concerns(self, event: FileSystemEvent) -> bool:
        if self._names is None:
            return True
        paths = (os.fsdecode(event.src_path), os.fsdecode(event.dest_path))
        return any(Path(path).name in self._names for path in paths)
