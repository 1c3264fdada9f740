"""Whose time a downtime was: the guest's pause, the network's or the service's. Pure.

The outage lies between two moments, and the hosts told when the guest ran on neither of them. What of the outage lies
there is the guest's pause. The rest passed while the guest ran somewhere: up to the first refused probe nothing came
back from it, which is put down to the network; from then on its kernel answered and only the service was missing. Of a
guest that shut down before and booted after, all of that time is the service's.

Worked example, in ms: down from 100 to 160, paused at the source from 103 to 140, refused from 150 on:
pause 37, network 3 + 10, service 10; together 60.

What a host did not tell is unknown, and so is that part of the downtime. Events are timed when word of them came here,
some milliseconds late: a pause shorter than that may come out as none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import assert_never

from ferryman.downtime.values import Measurement, MeasurementStatus, Outage, ProbeFate, Sample
from ferryman.fleet.lifecycle import GuestEvent, LifecycleEvent

_NS_PER_MS = 1_000_000
_EVER = float("-inf")
BY_A_KERNEL = frozenset({ProbeFate.REFUSED, ProbeFate.RESET})
"""No service answered, and the guest is reached all the same."""
_STOPS = frozenset({GuestEvent.SUSPENDED, GuestEvent.SHUT_DOWN, GuestEvent.STOPPED, GuestEvent.CRASHED})
_RUNS = frozenset({GuestEvent.STARTED, GuestEvent.RESUMED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """A downtime in its parts, which add up to it."""

    guest_ms: float = 0
    """The guest ran on neither host."""
    network_ms: float = 0
    """It ran, and nothing came back from it."""
    service_ms: float = 0
    """Its kernel answered and the service did not, or it was shutting down or booting."""
    unknown_ms: float = 0
    """Left over, for want of word from a host."""
    unknown_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What both hosts told of the guest during a move that ended well (`moved`) or did not."""

    source: Sequence[LifecycleEvent]
    destination: Sequence[LifecycleEvent]
    moved: bool


class _Part(StrEnum):
    GUEST = "guest"
    NETWORK = "network"
    SERVICE = "service"
    UNKNOWN = "unknown"


class _State(StrEnum):
    RUNS = "runs"
    TURNS = "turns"
    """It is shutting down or booting."""
    STILL = "still"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """The guest's state from a moment on, up to the next stretch."""

    began_ns: float
    state: _State


def attribute(
    measurement: Measurement, outage: Outage | None, samples: Sequence[Sample], told: Told
) -> Attribution | None:
    """The longest outage's downtime in parts; None where nothing was measured.

    `outage` is that outage (None: none was seen), `samples` all probes in the order of sending.
    """
    if measurement.status is not MeasurementStatus.MEASURED or measurement.downtime_ms is None:
        return None
    if outage is None:
        hidden_ms = measurement.downtime_ms
        return Attribution(unknown_ms=hidden_ms, unknown_because="nothing was probed for a while" if hidden_ms else "")
    began_ns = (outage.last_answered_ns + outage.first_lost_ns) // 2
    ended_ns = began_ns + round(measurement.downtime_ms * _NS_PER_MS)
    refused_ns = [sample.sent_ns for sample in samples if sample.outcome in BY_A_KERNEL]
    stretches, missing = _stretches(told)
    length_ns: Counter[_Part] = Counter()
    for state, begin_ns, end_ns in _within(stretches, began_ns, ended_ns):
        length_ns.update(_split(state, begin_ns, end_ns, refused_ns))
    return Attribution(
        guest_ms=length_ns[_Part.GUEST] / _NS_PER_MS,
        network_ms=length_ns[_Part.NETWORK] / _NS_PER_MS,
        service_ms=length_ns[_Part.SERVICE] / _NS_PER_MS,
        unknown_ms=length_ns[_Part.UNKNOWN] / _NS_PER_MS,
        unknown_because=missing if length_ns[_Part.UNKNOWN] else "",
    )


def _within(stretches: Sequence[_Stretch], began_ns: int, ended_ns: int) -> Iterator[tuple[_State, int, int]]:
    """The stretches as far as they lie in the outage: without a gap, so that the parts add up."""
    last = _Stretch(began_ns=float("inf"), state=_State.UNKNOWN)
    for stretch, following in pairwise((*stretches, last)):
        begin_ns, end_ns = max(stretch.began_ns, began_ns), min(following.began_ns, ended_ns)
        if begin_ns < end_ns:
            yield stretch.state, int(begin_ns), int(end_ns)


def _split(state: _State, begin_ns: int, end_ns: int, refused_ns: Sequence[int]) -> Mapping[_Part, int]:
    match state:
        case _State.STILL:
            return {_Part.GUEST: end_ns - begin_ns}
        case _State.TURNS:
            return {_Part.SERVICE: end_ns - begin_ns}
        case _State.UNKNOWN:
            return {_Part.UNKNOWN: end_ns - begin_ns}
        case _State.RUNS:
            there_ns = next((sent_ns for sent_ns in refused_ns if begin_ns <= sent_ns < end_ns), end_ns)
            return {_Part.NETWORK: there_ns - begin_ns, _Part.SERVICE: end_ns - there_ns}
        case _:
            assert_never(state)


def _stretches(told: Told) -> tuple[list[_Stretch], str]:
    """The guest's states over time, and what is missing of them."""
    stretches = _as_told(told)
    ran_there = next((event.at_ns for event in told.destination if event.change in _RUNS), None)
    if not told.moved:
        return stretches, ""
    if ran_there is None:
        stretches[-1] = replace(stretches[-1], state=_State.UNKNOWN)
        return stretches, "the destination did not tell when the guest ran there"
    if _told_to_stop(told.source, ran_there):
        return stretches, ""
    unknown = _Stretch(began_ns=_EVER, state=_State.UNKNOWN)
    arrived = _Stretch(began_ns=ran_there, state=_state(told))
    later = [stretch for stretch in stretches if stretch.began_ns > ran_there]
    return [unknown, arrived, *later], "the source did not tell when the guest stopped there"


def _told_to_stop(source: Sequence[LifecycleEvent], ran_there_ns: int) -> bool:
    """The end of the source's QEMU tells it only where it came before: it ends after a guest that left, too.

    Word of a pause may come after word of its end, as they come from two hosts.
    """
    return any(
        event.change is GuestEvent.SUSPENDED or (event.change in _STOPS and event.at_ns < ran_there_ns)
        for event in source
    )


def _as_told(told: Told) -> list[_Stretch]:
    sides = [(event, "source") for event in told.source] + [(event, "destination") for event in told.destination]
    running = {"source"}
    stretches = [_Stretch(began_ns=_EVER, state=_state(told))]
    for event, side in sorted(sides, key=lambda one: one[0].at_ns):
        ran = bool(running)
        if event.change in _RUNS:
            running.add(side)
        elif event.change in _STOPS:
            running.discard(side)
        if bool(running) is not ran:
            state = _state(told) if running else _State.STILL
            stretches.append(_Stretch(began_ns=event.at_ns, state=state))
    return stretches


def _state(told: Told) -> _State:
    """Of a guest that runs somewhere: one that was booted is not there yet, and was shutting down before."""
    booted = any(event.change is GuestEvent.STARTED for event in (*told.source, *told.destination))
    return _State.TURNS if booted else _State.RUNS
