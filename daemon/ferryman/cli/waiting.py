"""A sign of life for commands that wait for hosts."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self, TextIO

PATIENCE_S = 2.0
"""What answers sooner needs no word."""


class SignOfLife:
    """Says what is waited for, once, if it takes longer than `after_s`."""

    def __init__(self, text: str, stream: TextIO, after_s: float = PATIENCE_S) -> None:
        """`text` is a sentence for a person."""
        self._text = text
        self._stream = stream
        self._timer = threading.Timer(after_s, self._say)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()

    def wait(self) -> None:
        """Until it was said."""
        self._timer.join()

    def _say(self) -> None:
        self._stream.write(f"{self._text}\n")
        self._stream.flush()
