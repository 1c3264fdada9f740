"""Where plotly.js comes from: the Python package `plotly` ships it, and only that file of it is used."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_FILE = "plotly/package_data/plotly.min.js"
"""What `plotly.offline.get_plotlyjs` reads; importing that module takes 0.4 s, and is good for nothing else here."""


def plotly_js(package: str = "plotly") -> str:
    """The library as one script. Raises ModuleNotFoundError, as importing the package would."""
    try:
        return Path(str(distribution(package).locate_file(_FILE))).read_text(encoding="utf-8")
    except (PackageNotFoundError, FileNotFoundError) as error:
        raise ModuleNotFoundError(str(error), name=package) from error
