"""How a command says that it cannot be done: why, and the remedy; its exit code is then 1."""

from __future__ import annotations

from pathlib import Path

import click


def refusal(reason: str, remedy: str) -> click.ClickException:
    """To be raised."""
    return click.ClickException(f"{reason}\n  remedy: {remedy}")


def require_state(state: Path) -> None:
    """Raise ClickException where there is no such folder."""
    if not state.is_dir():
        raise refusal(f"{state} is no state folder", "name the daemon's: --state DIR")
