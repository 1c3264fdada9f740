"""What several of the lab's commands take."""

from __future__ import annotations

from pathlib import Path

import click

from ferryman.lab.allowed import DEFAULT_FOLDER

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, resolve_path=True),
    default=DEFAULT_FOLDER,
    show_default=True,
    envvar="FERRYMAN_LAB",
    help="Which lab: everything of it is in this folder.",
)

DEFAULT_CACHE = Path("/var/cache/ferryman-lab")

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path, resolve_path=True),
    default=DEFAULT_CACHE,
    show_default=True,
    help="Where the guests' kernel is kept for the next lab.",
)
