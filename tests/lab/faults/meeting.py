"""A fault meets a move: what is done then, and what must hold after it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from copies import watched
from deeds import do
from named import Ends, NamedFault
from trial import CONVERGES_WITHIN_S, Trial

from ferryman.lab import fault_state, faults
from ferryman.records.live import read_progress

_COMES_SO_FAR_WITHIN_S = 60.0
_SLOW_MBIT_S = 60
"""A guest's memory takes some seconds: a phase lasts long enough to be met."""
_POWERS: Mapping[Ends, tuple[str, ...]] = {
    Ends.ARRIVES: ("running",),
    Ends.OFF: ("shut off",),
    Ends.EITHER: ("running", "shut off"),
}


def undergo(one: Trial, fault: NamedFault) -> None:
    """The fault meets the move, lasts, and is gone; then the VM is where it is wanted, and all is whole."""
    with watched(one.vm, one.lab), ExitStack() as undoing:
        attempt = _meets(one, fault, undoing)
        _lasts(one, fault)
        undoing.close()
        with one.daemon.resumed("--rescan-s=2"):
            one.daemon.until(lambda: bool(one.daemon.records(one.vm)), "an attempt has ended", CONVERGES_WITHIN_S)
            one.daemon.until_in_place(one.vm, one.daemon.specs.home(one.vm), CONVERGES_WITHIN_S)
        _is_whole(one, fault, attempt)


def _meets(one: Trial, fault: NamedFault, undoing: ExitStack) -> str:
    """The fault meets the move at the named moment; the id of the attempt under way then, if there is one."""
    one.begins_nothing()
    if fault.when == "before":
        for deed in fault.does:
            undoing.callback(do(one, deed))
        one.daemon.specs.move(one.vm, one.away)
        return ""
    if fault.when in fault_state.STEPS:
        with ThreadPoolExecutor(1) as beside:
            come = beside.submit(
                fault_state.wait_for_step, one.daemon.state, one.vm, fault.when, _COMES_SO_FAR_WITHIN_S
            )
            one.daemon.specs.move(one.vm, one.away)
            come.result()
    else:
        undoing.callback(faults.widen, one.lab.ledger, one.away)
        faults.narrow(one.lab.ledger, one.away, _SLOW_MBIT_S)
        one.daemon.specs.move(one.vm, one.away)
        one.daemon.until(lambda: _phase(one) == fault.when, fault.when)
    attempt = one.attempt()
    for deed in fault.does:
        undoing.callback(do(one, deed))
    return attempt


def _lasts(one: Trial, fault: NamedFault) -> None:
    """The fault stands, for its time or until the daemon has told of it; before the move the guest runs on at home."""
    if fault.says:
        remedy = one.daemon.until_reason(one.vm, fault.says, CONVERGES_WITHIN_S).remedy
        assert remedy, "what is told comes with what to do"
    time.sleep(fault.lasts_s)


def _phase(one: Trial) -> str:
    return next((shown.phase for shown in read_progress(one.daemon.state) if shown.vm == one.vm), "")


def _is_whole(one: Trial, fault: NamedFault, attempt: str) -> None:
    wanted = one.daemon.specs.home(one.vm)
    ((host, power),) = one.lab.whereabouts(one.vm).items()
    assert (host, power in _POWERS[fault.ends]) == (wanted, True), f"{one.vm} is {power} on {host}"
    if power == "shut off":
        one.lab.virsh(wanted, "start", one.vm)
    one.lost_nothing()
    assert not attempt or attempt in {record.id for record in one.daemon.records()}
    assert one.unnamed_volumes() == set()
