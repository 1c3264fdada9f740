"""A report in, HTML out. Everything foreign is escaped: by the template, and as JSON that cannot end its element."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from ferryman import __version__
from ferryman.records.audit.record import MigrationRecord, Verdict
from ferryman.report.figures.by_method import by_method, promises
from ferryman.report.figures.drawing import Figure, JsonObject, interval
from ferryman.report.figures.over_time import over_time
from ferryman.report.figures.predictions import predictions
from ferryman.report.figures.timeline import timeline
from ferryman.report.model import Report
from ferryman.report.page.plotly_js import plotly_js
from ferryman.report.page.rows import table

_PACKAGE = "ferryman.report.page"


def render(report: Report) -> str:
    """The page. Raises ModuleNotFoundError where plotly.js is not installed."""
    library, script = plotly_js() if report.moves else "", _own("report.js")
    overview = _overview(report) if report.moves else []
    timelines = [timeline(one) for one in report.close_ups]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            version=__version__,
            overview=overview,
            close_ups=list(zip(report.close_ups, timelines, strict=True)),
            data=_data(report, [*overview, *timelines]),
            verdicts=Verdict,
            policy=_policy(library, script),
            library=library,
            script=script,
            style=_own("report.css"),
        )
    )


def _overview(report: Report) -> list[Figure]:
    """The plots in which there is something to see."""
    plots = (over_time(report), by_method(report), promises(report), predictions(report))
    return [figure for figure in plots if figure.traces]


def _data(report: Report, figures: list[Figure]) -> JsonObject:
    """What the page's script draws."""
    return {
        "figures": [_figure(figure) for figure in figures],
        "moves": table(report.moves, {one.record.id for one in report.close_ups}),
    }


def _figure(figure: Figure) -> JsonObject:
    # Not by asdict, which would copy every number.
    return {
        "id": figure.id,
        "traces": figure.traces,
        "layout": figure.layout,
        "height_px": figure.height_px,
    }


def _policy(*scripts: str) -> str:
    """A Content Security Policy under which the page runs these scripts only, and loads nothing from anywhere.

    plotly.js puts style elements into the page, and turns plots into pictures (blob:, data:) where asked to.
    """
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _own(name: str) -> str:
    return files(_PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        # Every name and message comes from guests, specs and commits.
        autoescape=True,
        loader=PackageLoader(_PACKAGE, "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Compact, and not sorted: there may be thousands of rows.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters["ms"] = _ms
    environment.filters["downtime"] = _downtime
    environment.filters["utc"] = _utc
    return environment


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} ms"


def _downtime(record: MigrationRecord) -> str:
    """With its bounds, and why it is not known or in doubt."""
    reason = record.measurement.reason
    return f"{interval(record)}{f': {reason}' if reason else ''}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
