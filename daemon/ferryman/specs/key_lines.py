"""Which line a key stands on: tomllib tells values but not places, and a person needs the place.

Only for text that tomllib has accepted: what is well-formed needs no error handling here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ferryman.specs.guard import Token, tokens

KeyPath = tuple[str | int, ...]
"""Keys and array indexes from the root, as pydantic names places."""


@dataclass(slots=True)
class _Cursor:
    """The tokens still to be read."""

    tokens: Sequence[Token]
    position: int = 0

    def peek(self, ahead: int = 0) -> str:
        """The token's text, empty at the end."""
        place = self.position + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""

    def line(self) -> int:
        """The line of the next token."""
        return self.tokens[min(self.position, len(self.tokens) - 1)].line

    def take(self) -> str:
        """The next token's text, now read."""
        self.position += 1
        return self.tokens[self.position - 1].text

    def skip(self, texts: str) -> None:
        """Read over tokens that are one of these characters."""
        while self.peek() and self.peek() in texts:
            self.position += 1

    def key(self) -> tuple[str, ...]:
        """Read a dotted key."""
        parts = [_key_part(self.take())]
        while self.peek() == ".":
            self.take()
            parts.append(_key_part(self.take()))
        return tuple(parts)


@dataclass(slots=True)
class _Index:
    """Lines found so far, and how many elements each array of tables has."""

    lines: dict[KeyPath, int] = field(default_factory=dict)
    table_counts: dict[KeyPath, int] = field(default_factory=dict)

    def note(self, path: KeyPath, line: int, known: int = 0) -> None:
        """Record the first line of a path and of its parents below the `known` leading parts."""
        for length in range(known + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def header(self, parts: Sequence[str], *, array: bool) -> KeyPath:
        """The path that `[parts]` or `[[parts]]` opens: the latest element where a part names an array of tables."""
        path: KeyPath = ()
        for number, part in enumerate(parts, start=1):
            path = (*path, part)
            if array and number == len(parts):
                self.table_counts[path] = self.table_counts.get(path, 0) + 1
            if path in self.table_counts:
                path = (*path, self.table_counts[path] - 1)
        return path


def key_lines(text: str) -> Mapping[KeyPath, int]:
    """The 1-based line of every key, table and array element of well-formed TOML."""
    cursor = _Cursor(list(tokens(text)))
    index = _Index()
    table: KeyPath = ()
    cursor.skip("\n")
    while cursor.peek():
        line = cursor.line()
        if cursor.peek() == "[":
            table = _read_header(cursor, index)
            index.note(table, line)
        else:
            _read_pair(cursor, index, table)
        cursor.skip("\n")
    return index.lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of a path, or of its nearest parent that has one; 1 where none has."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def _read_header(cursor: _Cursor, index: _Index) -> KeyPath:
    cursor.take()
    array = cursor.peek() == "["
    cursor.skip("[")
    parts = cursor.key()
    cursor.skip("]")
    return index.header(parts, array=array)


def _read_pair(cursor: _Cursor, index: _Index, table: KeyPath) -> None:
    line = cursor.line()
    path = (*table, *cursor.key())
    index.note(path, line, known=len(table))
    cursor.take()  # the equals sign
    _read_value(cursor, index, path)


def _read_value(cursor: _Cursor, index: _Index, path: KeyPath) -> None:
    """Read one value; the guard has bounded how deep this recurses."""
    match cursor.peek():
        case "[":
            _read_array(cursor, index, path)
        case "{":
            _read_inline_table(cursor, index, path)
        case _:
            # A number or a date may be several tokens: 1.5, 1979-05-27 07:32:00.
            while cursor.peek() and cursor.peek() not in "\n,]}":
                cursor.take()


def _read_array(cursor: _Cursor, index: _Index, path: KeyPath) -> None:
    cursor.take()
    cursor.skip("\n")
    element = 0
    while cursor.peek() != "]":
        place = (*path, element)
        index.lines.setdefault(place, cursor.line())
        _read_value(cursor, index, place)
        element += 1
        cursor.skip("\n,")
    cursor.take()


def _read_inline_table(cursor: _Cursor, index: _Index, path: KeyPath) -> None:
    cursor.take()
    cursor.skip("\n")
    while cursor.peek() != "}":
        _read_pair(cursor, index, path)
        cursor.skip("\n,")
    cursor.take()


def _key_part(token: str) -> str:
    """The key that a token spells: quotes removed, escapes resolved."""
    if token[0] not in "\"'":
        return token
    return str(tomllib.loads(f"key = {token}")["key"])
