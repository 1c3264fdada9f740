"""docs/faults.md lists the named faults just as they are tested, and other tests that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text()
ROWS = tomllib.loads((ROOT / "tests" / "lab" / "faults" / "named.toml").read_text())["fault"]


def test_every_fault_is_listed_with_when_and_what_comes_of_it() -> None:
    listed = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in PAGE.splitlines() if line[:2] == "| "]
    in_short = [(cells[0], *cells[1:3], cells[-1]) for cells in listed if len(cells) == 5]
    expected = [
        (
            row["name"],
            row.get("method", "live"),
            row.get("when", "before"),
            (f"`{row['says']}`; " if "says" in row else "") + row.get("ends", "arrives"),
        )
        for row in ROWS
    ]
    assert in_short[1:] == expected


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    names = [row["name"] for row in ROWS]
    assert len(names) == len(set(names)) >= 60


def test_half_of_them_are_quick_enough_for_every_run() -> None:
    assert sum(row.get("quick", False) for row in ROWS) >= len(ROWS) // 2


def test_the_tests_that_are_named_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert named
    for file, part in named:
        assert re.search(rf"^(?:def|class) {part}\b" if part else "", (ROOT / file).read_text(), re.MULTILINE)
