"""One move on its own time axis: phases, probes, and where the service was away. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from ferryman.downtime.values import ProbeFate
from ferryman.records.audit.samples import KeptSample
from ferryman.records.audit.timeline import Mark, TimelineEntry
from ferryman.report.close_up import is_bad
from ferryman.report.figures.drawing import ALARM, GREY, METHOD_LOOKS, Figure, JsonObject, Look, text
from ferryman.report.model import CloseUp, OutageBand
from ferryman.specs.choices import Method

_PHASE_COLOUR = METHOD_LOOKS[Method.LIVE].colour
_ANSWERED = Look(colour="#119f77", symbol="circle")
_LATE = Look(colour="#d9681d", symbol="diamond")
_UNANSWERED = tuple(outcome for outcome in ProbeFate if outcome is not ProbeFate.ANSWERED)
_UNANSWERED_SYMBOLS = ("triangle-down", "x", "cross", "square", "hexagram")
_GUEST_LOOKS = {
    Mark.STARTED: Look(colour="#119f77", symbol="triangle-right"),
    Mark.RESUMED: Look(colour="#119f77", symbol="triangle-right"),
    Mark.INCOMING: Look(colour=GREY, symbol="arrow-bar-right"),
    Mark.SUSPENDED: Look(colour="#d9681d", symbol="square"),
    Mark.SHUT_DOWN: Look(colour="#d9681d", symbol="square"),
    Mark.STOPPED: Look(colour=GREY, symbol="x"),
    Mark.CRASHED: Look(colour=ALARM, symbol="x"),
    Mark.ANNOUNCED: Look(colour=_PHASE_COLOUR, symbol="star"),
    Mark.ANNOUNCING_FAILED: Look(colour=ALARM, symbol="star"),
}
"""What hosts told; phases are bars, and probes are drawn themselves."""
_SHARE_OF_PROBES = 0.58
"""Of the plot's height, where there are probes."""


def timeline(one: CloseUp) -> Figure:
    """The move's phases as bars, below them each kept probe's round trip; a shade is time without service."""
    record = one.record
    layout: JsonObject = {
        "xaxis": {"title": {"text": "ms since the attempt began"}, "anchor": "y", "zeroline": False},
        "yaxis": {
            "type": "category",
            "autorange": "reversed",
            "domain": [_SHARE_OF_PROBES + 0.08, 1] if one.probes else [0, 1],
            "title": {"text": ""},
        },
        "barmode": "overlay",
        "bargap": 0.35,
        "shapes": _shades(one.outages),
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }
    if one.probes:
        layout["yaxis2"] = {
            "type": "log",
            "title": {"text": "probe, ms"},
            "domain": [0, _SHARE_OF_PROBES],
            "dtick": 1,
            "tickformat": ",~g",
        }
        layout["xaxis"]["anchor"] = "y2"
    return Figure(
        id=f"timeline-{record.id}",
        title=f"{record.vm}: {record.source} to {record.destination}",
        caption=_caption(one),
        traces=[_phases(one), *_told_by_hosts(record.timeline), *_probes(one.probes, record.measurement.in_time_ms)],
        layout=layout,
        height_px=(420 if one.probes else 120)
        + 28 * (len(record.phases) + len({entry.host for entry in record.timeline})),
    )


def _caption(one: CloseUp) -> str:
    if not one.probes:
        where = "" if one.outages else ", so where in it the service was away is not drawn"
        return f"Phases of the move, and what the hosts told of the guest. Its probes were not kept{where}."
    return (
        "Above: phases, and what the hosts told of the guest. Below: each kept probe by when it was sent and how long "
        "its answer took; those marked at the top got none. Dark shade: certainly away; light shade: away at most."
    )


def _phases(one: CloseUp) -> JsonObject:
    phases = one.record.phases
    return {
        "type": "bar",
        "orientation": "h",
        "name": "phases",
        "showlegend": False,
        "y": [text(phase.name) for phase in phases],
        "base": [round(phase.started_ms, 1) for phase in phases],
        "x": [round(phase.duration_ms, 1) for phase in phases],
        "text": [f"{phase.duration_ms:,.0f} ms" for phase in phases],
        "textposition": "auto",
        "marker": {"color": _PHASE_COLOUR, "opacity": 0.8},
        "hovertemplate": "%{y}: from %{base:,.0f} ms for %{x:,.0f} ms<extra></extra>",
    }


def _told_by_hosts(entries: Sequence[TimelineEntry]) -> list[JsonObject]:
    """A row per host with what it told of its guest, as it came to the daemon."""
    told = [entry for entry in entries if entry.mark in _GUEST_LOOKS]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": mark.value.replace("-", " "),
            "x": [round(entry.at_ms, 1) for entry in told if entry.mark is mark],
            "y": [f"guest on {text(entry.host)}" for entry in told if entry.mark is mark],
            "marker": {"color": look.colour, "symbol": look.symbol, "size": 11},
            "text": [text(entry.detail) for entry in told if entry.mark is mark],
            "hovertemplate": f"%{{x:,.1f}} ms: {mark.value.replace('-', ' ')} %{{text}}<extra></extra>",
        }
        for mark, look in _GUEST_LOOKS.items()
        if any(entry.mark is mark for entry in told)
    ]


def _probes(probes: Sequence[KeptSample], in_time_ms: float | None) -> list[JsonObject]:
    if not probes:
        return []
    answered = [probe for probe in probes if probe.outcome is ProbeFate.ANSWERED]
    prompt = [probe for probe in answered if not is_bad(probe, in_time_ms)]
    late = [probe for probe in answered if is_bad(probe, in_time_ms)]
    ceiling_ms = 2 * max([in_time_ms or 1.0, *(probe.round_trip_ms or 0.0 for probe in answered)])
    traces = [_marks("answered", prompt, _ANSWERED), _marks("answered late", late, _LATE)]
    for outcome, symbol in zip(_UNANSWERED, cycle(_UNANSWERED_SYMBOLS), strict=False):
        gone = [probe for probe in probes if probe.outcome is outcome]
        traces.append(_marks(outcome.value, gone, Look(colour=ALARM, symbol=symbol), at_ms=ceiling_ms))
    return [trace for trace in traces if trace["x"]]


def _marks(name: str, probes: Sequence[KeptSample], look: Look, *, at_ms: float | None = None) -> JsonObject:
    """One kind of probe; at a fixed height where they have no round trip."""
    tip = "sent at %{x:,.1f} ms, answered after %{y:,.1f} ms" if at_ms is None else f"sent at %{{x:,.1f}} ms, {name}"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "yaxis": "y2",
        "x": [round(probe.sent_ms, 1) for probe in probes],
        "y": [round(at_ms if at_ms is not None else max(probe.round_trip_ms or 0.0, 0.01), 2) for probe in probes],
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 6},
        "hovertemplate": f"{tip}<extra></extra>",
    }


def _shades(bands: Sequence[OutageBand]) -> list[JsonObject]:
    shades = []
    for band in bands:
        if band.up_by_ms is not None:
            shades.append(_shade(band.last_answered_ms, band.up_by_ms, opacity=0.12))
        shades.append(_shade(band.first_lost_ms, band.last_lost_ms, opacity=0.2))
    return shades


def _shade(from_ms: float, to_ms: float, *, opacity: float) -> JsonObject:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": round(from_ms, 1),
        "x1": round(to_ms, 1),
        "y0": 0,
        "y1": 1,
        "fillcolor": ALARM,
        "opacity": opacity,
        "line": {"color": GREY, "width": 1},
        "layer": "below",
    }
