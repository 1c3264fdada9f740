"""What all spec models share.

The text under a field is its description: `ferryman schema` hands it to editors.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ferryman.specs.fields import Name


def distinct(items: tuple[str, ...]) -> tuple[str, ...]:
    """Twice the same is a slip."""
    twice = [item for item, count in Counter(items).items() if count > 1]
    if twice:
        raise ValueError(f"must not list {twice[0]} twice")
    return items


# TOML knows strings and arrays only: enums and tuples are what strict models must be told to convert.
Names = Annotated[
    tuple[Name, ...],
    Field(strict=False, json_schema_extra={"uniqueItems": True}),
    AfterValidator(distinct),
]


class SpecModel(BaseModel):
    """Frozen; unknown keys are errors; values are never coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)
