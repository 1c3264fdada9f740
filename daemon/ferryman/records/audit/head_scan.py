"""A record's head out of its text, by looking at lines: pure, and in less than half the time that parsing it takes.

It knows what `toml_files.to_toml` writes: a value a line, which is JSON but for times, and no other line unindented.
Of a text that is written otherwise it makes nothing, or what is no JSON, or no head: then the file is to be parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import fields

from ferryman.downtime.values import Downtime
from ferryman.records.audit.head import CauseRecord, RecordHead, Transfer

_TABLES = {"cause": CauseRecord, "measurement": Downtime, "transfer": Transfer}
_TIMES = frozenset({"started_at"})


def _names(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind)) - _TABLES.keys()


_TOP = _names(RecordHead)
_IN_TABLE = {name: _names(kind) for name, kind in _TABLES.items()}


def head_json(text: str) -> bytes | None:
    """The head as JSON, for RecordHead to be made of; None where the text is not as `to_toml` writes it."""
    if '"""' in text or "'''" in text:
        # What looks like a line of its own may be within a text.
        return None
    top, *tables = text.split("\n[")
    try:
        found = list(_values(top, _TOP))
        for table in tables:
            name, ended, body = table.partition("]\n")
            if name in _IN_TABLE:
                found.append(f'"{name}":{{{",".join(_values(body, _IN_TABLE[name]))}}}')
            elif not ended or not name.strip("[]").replace(".", "_").isidentifier():
                return None
    except ValueError:
        return None
    return f"{{{','.join(found)}}}".encode()


def _values(lines: str, wanted: Set[str]) -> Iterator[str]:
    """What JSON says for these names; raises ValueError for a line that `to_toml` does not write."""
    for line in lines.split("\n"):
        name, is_value, value = line.partition(" = ")
        if name in wanted:
            yield f'"{name}":"{value}"' if name in _TIMES else f'"{name}":{value}'
        elif line and line[0] not in " ]" and not (is_value and name.isidentifier()):
            raise ValueError(line)
