"""Options that several commands share, and how they write JSON."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from pydantic import TypeAdapter

if TYPE_CHECKING:
    from ferryman.fleet.hypervisor import Connect

F = TypeVar("F", bound=Callable[..., Any])

EXIT_TROUBLE = 1
"""Something is wrong with what the command was to look at, or it could not be done."""


def specs_option(command: F) -> F:
    """`--specs DIR`."""
    return click.option(
        "--specs",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("specs"),
        show_default=True,
        envvar="FERRYMAN_SPECS",
        help="Folder of specs. Inside a git repository only committed content counts.",
    )(command)


def state_option(command: F) -> F:
    """`--state DIR`."""
    return click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("state"),
        show_default=True,
        envvar="FERRYMAN_STATE",
        help="Folder that the daemon writes observed state and audit records to: a git repository of its own.",
    )(command)


def pass_connect(command: F) -> F:
    """First argument: how hosts are opened. By libvirt, unless the program was called with another way as `obj`."""

    @wraps(command)
    @click.pass_obj
    def with_connect(connect: Connect | None, *args: Any, **options: Any) -> Any:
        return command(connect or _by_libvirt(), *args, **options)

    return cast("F", with_connect)


def _by_libvirt() -> Connect:
    # Only here: commands that read the state folder need not wait for libvirt and paramiko.
    from ferryman.fleet.connecting import connect

    return connect


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def print_json(value: object) -> None:
    """Any value of ours as JSON; what is None is left out."""
    click.echo(json.dumps(plain(value), indent=2))


def plain(value: object) -> Any:
    """Any value of ours as JSON knows it: objects, lists, texts and numbers."""
    return TypeAdapter(type(value)).dump_python(value, mode="json", exclude_none=True)


@contextmanager
def nothing_to_collect() -> Iterator[None]:
    """Thousands of values that all stay: looking for garbage among them takes a sixth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
