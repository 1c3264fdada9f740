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
from ferryman.records.progress_files import read_progress

_COMES_SO_FAR_WITHIN_S = 60.0
_SLOW_MBIT_S = 60
"""A guest's memory takes some seconds: a phase lasts long enough to be met."""
_POWERS: Mapping[Ends, tuple[str, ...]] = {
    Ends.ARRIVES: ("running",),
    Ends.OFF: ("shut off",),
    Ends.HELD: ("running",),
    Ends.EITHER: ("running", "shut off"),
}


def undergo(one: Trial, fault: NamedFault) -> list[str]:
    """The fault meets the move, lasts, and is gone; what does not hold, once the VM is where it is wanted."""
    with watched(one.vm, one.lab), ExitStack() as undoing:
        attempt = _meets(one, fault, undoing)
        _lasts(one, fault)
        undoing.close()
        with one.daemon.resumed("--rescan-s=2"):
            if fault.ends is Ends.HELD:
                _decide(one)
            one.daemon.until(lambda: bool(one.daemon.records(one.vm)), "an attempt has ended", CONVERGES_WITHIN_S)
            one.daemon.until_in_place(one.vm, one.daemon.specs.home(one.vm), CONVERGES_WITHIN_S)
        return _wrong(one, fault, attempt)


def _meets(one: Trial, fault: NamedFault, undoing: ExitStack) -> str:
    """The fault meets the move at the named moment; the id of the attempt under way then, if there is one."""
    one.begins_nothing()
    for deed in fault.first:
        undoing.callback(do(one, deed))
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


def _decide(one: Trial) -> None:
    """The person's part, as the state says it: this one knows that the guest never left."""
    remedy = one.daemon.until_reason(one.vm, "HeldForPerson", CONVERGES_WITHIN_S).remedy
    accept = f"ferryman recover {one.vm} --accept"
    assert f"virsh start {one.vm}" in remedy
    assert accept in remedy
    one.lab.virsh(one.home, "start", one.vm)
    done = one.daemon.ferryman(*accept.split()[1:], "--specs", str(one.daemon.specs.folder))
    assert done.returncode == 0, done.stderr


def _phase(one: Trial) -> str:
    return next((shown.phase for shown in read_progress(one.daemon.state) if shown.vm == one.vm), "")


def _wrong(one: Trial, fault: NamedFault, attempt: str) -> list[str]:
    """What does not hold of all that must, whatever happened."""
    wanted, before = one.daemon.specs.home(one.vm), one.lab.whereabouts(one.vm)
    if before == {wanted: "shut off"}:
        one.lab.virsh(wanted, "start", one.vm)
    after = one.aftermath()
    holds = {
        f"it is {before}": list(before) == [wanted] and before[wanted] in _POWERS[fault.ends],
        f"its counter went back from {one.counter} to {after.counter}": after.counter >= one.counter,
        f"the journal holds {after.journal}": after.journal == (),
        f"the records are {after.recorded}, of {attempt} there is none": attempt in ("", *after.recorded),
        f"a record is there twice: {after.recorded}": len(set(after.recorded)) == len(after.recorded) > 0,
        f"nothing names {one.unnamed_volumes()}": one.unnamed_volumes() == set(),
    }
    return [said for said, is_so in holds.items() if not is_so]
