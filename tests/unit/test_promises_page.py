"""docs/promises.md names seven promises, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text()
NAMED = tuple(dict.fromkeys(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)*)`", PAGE)))


def test_there_are_seven_each_with_tests() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    promises = [section for section in sections if re.match(r"\d\. ", section)]
    assert [section[0] for section in promises] == list("1234567")
    assert all("`tests/" in section for section in promises)


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_exists(name: str) -> None:
    file, *parts = name.split("::")
    text = (ROOT / file).read_text()
    for part in parts:
        assert re.search(rf"^\s*(?:def|class) {part}\b", text, re.MULTILINE), f"{file} has no {part}"
