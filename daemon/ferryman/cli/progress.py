"""Live progress of the moves under way: redrawn on a terminal, a line every so often elsewhere."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from ferryman.cli import lines
from ferryman.cli.words import progress
from ferryman.records.progress_files import Progress, read_progress

_LOOK_EVERY_S = 0.25


class ProgressLines:
    """Prints a line for each move whenever its phase changes or something has visibly moved on."""

    def __init__(self, state: Path, stream: TextIO, *, phases_only: bool = False) -> None:
        """`phases_only`: a line for each phase, and none for how far it has come."""
        self._state = state
        self._stream = stream
        self._phases_only = phases_only
        self._shown: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            for one in read_progress(self._state):
                self._show(one)

    def _show(self, one: Progress) -> None:
        line = progress(one)
        new = f"{one.id} {one.phase}" if self._phases_only else line
        if self._shown.get(one.vm) != new:
            self._shown[one.vm] = new
            lines.write(self._stream, f"           {line}\n")
