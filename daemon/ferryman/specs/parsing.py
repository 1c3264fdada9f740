"""From a file's bytes to a model, or to every problem at once with its line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ferryman.specs.explaining import dotted, explain
from ferryman.specs.guard import guarded_text
from ferryman.specs.key_lines import KeyPath, key_lines, line_of
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.spec_model import SpecModel

MAX_PROBLEMS = 100
"""Shown per file."""

M = TypeVar("M", bound=SpecModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A well-formed TOML file."""

    file: str
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def problem(self, path: KeyPath, *, code: ProblemCode, message: str, remedy: str) -> Problem:
        """A problem at a key of this file."""
        line = line_of(self.lines, path)
        return Problem(file=self.file, line=line, key=dotted(path), code=code, message=message, remedy=remedy)


def parse(file: str, content: bytes) -> Table | Problem:
    """Parse one file's bytes; whatever they are, the answer is a value."""
    text = guarded_text(file, content)
    if isinstance(text, Problem):
        return text
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # ValueError: also Python's own, for a number of too many digits.
        return _syntax(file, text, str(error))
    return Table(file=file, values=values, lines=key_lines(text))


def build(table: Table, model: type[M], defaults: Mapping[str, Any] | None = None) -> M | tuple[Problem, ...]:
    """The table as a model, on top of `defaults`; or all that is wrong with it, in the order of its lines."""
    values = merged(defaults, table.values) if defaults else table.values
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = _apart_from_echoes(error.errors(include_url=False, include_context=True))
        shown = {explain(detail, model, table.file, table.lines) for detail in details[:MAX_PROBLEMS]}
        return (*sorted(shown), *_unshown(table.file, len(details) - MAX_PROBLEMS))


def _apart_from_echoes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without "must not be empty" of a list whose every element is wrong: pydantic counts only the right ones."""
    return [
        one
        for one in details
        if one["type"] != "too_short"
        or not any(other["loc"][: len(one["loc"])] == one["loc"] for other in details if other is not one)
    ]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, tables key by key: {a: {x: 1, y: 1}} under {a: {y: 2}} is {a: {x: 1, y: 2}}."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            result[key] = merged(under, value)
        else:
            result[key] = value
    return result


def _unshown(file: str, count: int) -> tuple[Problem, ...]:
    """Say how many problems are left out."""
    if count <= 0:
        return ()
    message = f"has {count} more problems"
    return (Problem(file=file, code=ProblemCode.WRONG_VALUE, message=message, remedy="mend the ones shown first"),)


_PLACE = re.compile(r" \((?:at line (?P<line>\d+), column \d+|at end of document)\)$")


def _syntax(file: str, text: str, words: str) -> Problem:
    """tomllib's complaint, with its line taken out of the words."""
    place = _PLACE.search(words)
    line = 0
    if place:
        line = int(place["line"] or text.rstrip("\n").count("\n") + 1)
    return Problem(
        file=file,
        line=line,
        code=ProblemCode.SYNTAX,
        message=f"is not valid TOML: {_PLACE.sub('', words)[:200]}",
        remedy=_syntax_remedy(words),
    )


def _syntax_remedy(words: str) -> str:
    if "overwrite a value" in words or "twice" in words:
        return "the key or table is given twice: keep one of them"
    if "Invalid value" in words:
        return 'write text in quotes ("text"), and true and false in lower case'
    if "Expected '=' after a key" in words:
        return "write key = value; a table's name stands in brackets"
    return "mend the line: one key = value each, text in quotes, tables in brackets"
