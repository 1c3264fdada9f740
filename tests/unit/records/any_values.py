"""Any value of a dataclass, for hypothesis: times in UTC, numbers that equal themselves."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

TIMES = st.datetimes(
    min_value=datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    max_value=datetime(2100, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    timezones=st.just(UTC),
)


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type as it stands in an annotation."""
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: any_of(hints[field.name]) for field in fields(kind)})
    if kind is datetime:
        return TIMES
    if kind is float:
        return st.floats(allow_nan=False)
    if kind is NoneType:
        return st.none()
    return _any_of_several(get_origin(kind), get_args(kind)) if get_args(kind) else st.from_type(kind)


def _any_of_several(origin: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin in (UnionType, Union):  # of an annotated type and None it is the latter
        return st.one_of([any_of(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=3).map(tuple)
    return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=3)
