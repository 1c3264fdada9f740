"""What a person asks about open and held moves, and the daemon's answers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ferryman.reconciler.writing import Writing
from ferryman.records import requests
from ferryman.records.requests import Request


class Mailbox:
    """The requests in a state folder."""

    def __init__(self, state: Path, writing: Writing) -> None:
        self._state = state
        self._writing = writing

    def unanswered(self) -> tuple[Request, ...]:
        """What was not answered yet."""
        return requests.unanswered(self._state)

    def is_abandoned(self, request: Request) -> bool:
        """Whether nobody waits for its answer any more."""
        return requests.is_abandoned(self._state, request.vm)

    def drop(self, request: Request) -> None:
        """Take a request away that nobody waits for."""
        self._writing.attempt(partial(requests.withdraw, self._state, request.vm))

    def answer(self, request: Request) -> None:
        """Tell the person who asked."""
        self._writing.attempt(partial(requests.write, self._state, request))
