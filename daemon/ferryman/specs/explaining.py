"""pydantic's errors in the words of the person who wrote the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from ferryman.specs.key_lines import KeyPath, line_of
from ferryman.specs.problems import Problem, ProblemCode, did_you_mean

Words = tuple[ProblemCode, str, str]
"""Code, message, remedy."""


def explain(detail: ErrorDetails, model: type[BaseModel], file: str, lines: Mapping[KeyPath, int]) -> Problem:
    """One of pydantic's errors as a problem of the file."""
    # pydantic marks a wrong key of a free table by "[key]" behind it.
    path = tuple(part for part in detail["loc"] if part != "[key]")
    if detail["type"] == "extra_forbidden":
        code, message, remedy = _unknown_key(path, model)
    else:
        code, message, remedy = _words(detail)
    return Problem(file=file, line=line_of(lines, path), key=dotted(path), code=code, message=message, remedy=remedy)


def dotted(path: KeyPath) -> str:
    """`placement.hosts[1]`, as people write it; over-long keys cut."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")[:200]


def known_keys(model: type[BaseModel], path: KeyPath) -> tuple[str, ...]:
    """The keys of the table at `path`; empty where its keys are free."""
    for part in path:
        field = model.model_fields.get(str(part))
        inner = _model_of(field.annotation) if field else None
        if inner is None:
            return ()
        model = inner
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _model_of(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *get_args(annotation))
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> Words:
    known = known_keys(model, path[:-1])
    key = str(path[-1])
    if len(path) > 1 and key in model.model_fields and isinstance(path[-2], str):
        return (
            ProblemCode.UNKNOWN_KEY,
            "unknown key",
            f"move it above the first table: it stands below [{dotted(path[:-1])}]",
        )
    guess = did_you_mean(key, known)
    remedy = f"did you mean `{guess}`?" if guess else _place_of(key, model) or f"known here: {', '.join(known)}"
    return ProblemCode.UNKNOWN_KEY, "unknown key", remedy


def _place_of(key: str, model: type[BaseModel]) -> str | None:
    """Where a key belongs that stands in the wrong table."""
    tables = (name for name in model.model_fields if key in known_keys(model, (name,)))
    table = next(tables, None)
    return f"it belongs in the table [{table}]" if table else None


def _number(detail: ErrorDetails) -> Words:
    context = detail.get("ctx", {})
    words = {
        "greater_than": "must be greater than",
        "greater_than_equal": "must be at least",
        "less_than": "must be less than",
        "less_than_equal": "must be at most",
    }[detail["type"]]
    limit = next(context[name] for name in ("gt", "ge", "lt", "le") if name in context)
    bound = f"{limit:g}" if isinstance(limit, float) else limit
    message = f"is {_shown(detail['input'])}, but {words} {bound}"
    return ProblemCode.WRONG_VALUE, message, "choose a value within these bounds"


def _missing(_: ErrorDetails) -> Words:
    return ProblemCode.MISSING_KEY, "is missing", "add it: this key has no default"


def _enum(detail: ErrorDetails) -> Words:
    expected = detail.get("ctx", {}).get("expected", "")
    choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    guess = did_you_mean(detail["input"], choices) if isinstance(detail["input"], str) else None
    remedy = f"did you mean {guess}?" if guess else "choose one of these"
    return ProblemCode.WRONG_VALUE, f"is {_shown(detail['input'])}, but must be {' or '.join(choices)}", remedy


def _pattern(detail: ErrorDetails) -> Words:
    message = f"{_shown(detail['input'])} holds characters that are not allowed here, or is too long"
    return ProblemCode.WRONG_VALUE, message, "use letters, digits, dots and hyphens, and begin with a letter or digit"


def _own_check(detail: ErrorDetails) -> Words:
    return ProblemCode.WRONG_VALUE, str(detail["ctx"]["error"]), "correct the value"


def _value(message: str, remedy: str) -> Callable[[ErrorDetails], Words]:
    def words(_: ErrorDetails) -> Words:
        return ProblemCode.WRONG_VALUE, message, remedy

    return words


def _type(expected: str, remedy: str) -> Callable[[ErrorDetails], Words]:
    def words(detail: ErrorDetails) -> Words:
        return ProblemCode.WRONG_TYPE, f"is {_shown(detail['input'])}, but must be {expected}", remedy

    return words


_INTEGER = _type("a whole number", "write digits only, without quotes and fractions")
_TABLE = _type("a table", "write it as a table in brackets, with its keys below")
_EXPLAINERS: Mapping[str, Callable[[ErrorDetails], Words]] = {
    "missing": _missing,
    "enum": _enum,
    "string_pattern_mismatch": _pattern,
    "value_error": _own_check,
    "string_too_short": _value("must not be empty", "write a name"),
    "string_too_long": _value("is too long", "shorten it"),
    "too_short": _value("must not be an empty list", "name at least one, or leave the key out for its default"),
    "finite_number": _value("must be a finite number", "write digits"),
    "int_type": _INTEGER,
    "int_from_float": _INTEGER,
    "float_type": _type("a number", "write digits without quotes"),
    "string_type": _type("text", 'write it in quotes: "text"'),
    "bool_type": _type("true or false", "write true or false, without quotes"),
    "tuple_type": _type("a list", 'write it in brackets: ["one", "two"]'),
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "greater_than": _number,
    "greater_than_equal": _number,
    "less_than": _number,
    "less_than_equal": _number,
}


def _words(detail: ErrorDetails) -> Words:
    """Our words, or pydantic's own where we have none."""
    explainer = _EXPLAINERS.get(detail["type"])
    if explainer is None:
        return ProblemCode.WRONG_VALUE, detail["msg"][:200], "correct the value"
    return explainer(detail)


def _shown(value: Any) -> str:
    """A value as TOML would spell it, cut short; tables and lists by their kind."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value[:60]}…"' if len(value) > 60 else f'"{value}"'
        case int() | float():
            text = str(value)
            return f"{text[:30]}…" if len(text) > 30 else text
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or time"
