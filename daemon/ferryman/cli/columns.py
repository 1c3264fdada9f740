"""A table as plain lines: for lists that may be thousands long, which `rich` takes 2 ms a line for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_GAP = "  "


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines, each cell as wide as the widest of its column; what a terminal would obey is shown as a `?`.

    >>> list(columns(("VM", "took"), [("guest-01", "9 s"), ("web", "12 s")]))
    ['VM        took', 'guest-01  9 s', 'web       12 s']
    """
    shown = [[_printable(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _printable(cell: str) -> str:
    return cell if cell.isprintable() else "".join(char if char.isprintable() else "?" for char in cell)
