"""The prober on real sockets: judged by whether its bounds contain what truly happened."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest
from loopback import Service, TrueOutage, unused_port

from ferryman.downtime import probe_process
from ferryman.downtime.measuring import measure
from ferryman.downtime.prober import Probe, ProbeError
from ferryman.downtime.prober_program import LocalProgram
from ferryman.downtime.shared_prober import SharedProber
from ferryman.downtime.values import Measurement, MeasurementStatus, ProbeFate, ProbeTarget, ServiceState

SOON_S = 10.0
BASELINE = 20
MORE_THAN_CAN_BE_SERVED = 100
"""A hundred thousand probes a second: a prober in Python sends some fifteen thousand."""


def target(service: Service, interval_ms: float = 10) -> ProbeTarget:
    return ProbeTarget(address=service.address, port=service.port, interval_ms=interval_ms)


def has_ended(pid_fd: int, timeout_s: float = SOON_S) -> bool:
    return bool(select.select([pid_fd], [], [], timeout_s)[0])


def kill(probe: Probe) -> int:
    assert probe.pid is not None
    os.kill(probe.pid, signal.SIGKILL)
    return probe.pid


def dying() -> LocalProgram:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    return LocalProgram(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_listening_service_answers_and_accept_sees_no_probe(address: str) -> None:
    with Service(address) as service, Probe.start(target(service)) as probe:
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        samples = probe.stop()

        assert len(samples) >= BASELINE
        assert {sample.outcome for sample in samples} == {ProbeFate.ANSWERED}
        assert all(0 < sample.round_trip_ns < 1e9 for sample in samples)
        assert service.accepted() == 0


def test_samples_are_in_the_order_of_sending_and_on_the_schedule() -> None:
    with Service() as service, Probe.start(target(service)) as probe:
        probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        sent = [sample.sent_ns for sample in probe.stop()]

    assert sent == sorted(sent)
    # A late slot is left out, never made up for. Slots are a millisecond closer than the interval.
    assert sent[-1] - sent[0] >= (len(sent) - 1.5) * 9e6


def measured(service: Service, probe: Probe, begun_ns: int) -> Measurement:
    assert probe.wait_answering(consecutive=5, timeout_s=SOON_S)
    ended_ns = time.monotonic_ns()
    return measure(
        probe.stop(),
        target=target(service),
        baseline_until_ns=begun_ns,
        ended_ns=ended_ns,
        failure=probe.failure,
        missed=probe.missed,
    )


def assert_contains(found: Measurement, truth: TrueOutage) -> None:
    assert found.status is MeasurementStatus.MEASURED
    assert found.downtime_lower_ms is not None
    assert found.downtime_upper_ms is not None
    assert found.downtime_lower_ms <= truth.at_most_ms
    assert found.downtime_upper_ms >= truth.at_least_ms


@pytest.mark.parametrize("length_ms", [60, 150, 300])
def test_the_bounds_contain_the_time_for_which_a_service_refused(length_ms: float) -> None:
    with Service() as service, Probe.start(target(service)) as probe:
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        begun_ns = time.monotonic_ns()
        truth = service.refuse(length_ms)
        found = measured(service, probe, begun_ns)

    assert_contains(found, truth)
    assert found.outages >= 1


@pytest.mark.parametrize("length_ms", [60, 300])
def test_the_bounds_contain_the_time_for_which_probes_were_dropped(length_ms: float) -> None:
    with Service(backlog=0) as service, Probe.start(target(service)) as probe:
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        begun_ns = time.monotonic_ns()
        truth = service.drop(length_ms)
        found = measured(service, probe, begun_ns)

    assert_contains(found, truth)
    assert found.lost >= 1


def test_a_prober_that_was_held_up_widens_the_bounds_instead_of_losing_probes() -> None:
    with Service() as service, Probe.start(target(service)) as probe:
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        begun_ns = time.monotonic_ns()
        assert probe.pid is not None
        os.kill(probe.pid, signal.SIGSTOP)
        threading.Event().wait(0.3)
        os.kill(probe.pid, signal.SIGCONT)
        found = measured(service, probe, begun_ns)

    assert found.lost == 0
    assert found.missed >= 25
    assert found.downtime_upper_ms is not None
    assert found.downtime_upper_ms >= 280
    assert found.downtime_ms == found.downtime_upper_ms / 2


def test_a_service_that_refuses_is_never_answering() -> None:
    with unused_port() as port, Probe.start(ProbeTarget(address="127.0.0.1", port=port)) as probe:
        assert not probe.wait_answering(consecutive=1, timeout_s=1.0)
        samples = probe.stop()

    assert {sample.outcome for sample in samples} == {ProbeFate.REFUSED}
    assert probe.latest().state is ServiceState.UNKNOWN
    assert probe.latest().lost == len(samples)


def test_the_view_follows_the_service() -> None:
    with Service() as service, Probe.start(target(service)) as probe:
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        view = probe.latest()

    assert view.state is ServiceState.UP
    assert view.answered >= BASELINE
    assert view.last_round_trip_ms is not None


def test_a_prober_that_is_killed_is_started_anew_and_the_gap_widens_the_bounds() -> None:
    with Service() as service, Probe.start(target(service)) as probe:
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        begun_ns = time.monotonic_ns()
        killed = kill(probe)
        found = measured(service, probe, begun_ns)

        assert probe.pid != killed
    assert found.status is MeasurementStatus.MEASURED
    assert found.downtime_upper_ms is not None
    assert found.downtime_upper_ms > 20


def test_a_prober_that_dies_again_and_again_is_a_failure_and_ends_every_wait() -> None:
    with Service() as service, Probe.start(target(service), SharedProber(dying)) as probe:
        assert not probe.wait_answering(consecutive=60, timeout_s=SOON_S)
        assert "exit code 3" in (probe.failure or "")


def test_probes_of_several_services_share_a_prober_and_are_told_apart() -> None:
    with Service() as one, Service() as other, Probe.start(target(one)) as first, Probe.start(target(other)) as second:
        assert first.pid == second.pid
        assert first.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        assert second.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        one.listener.close()
        assert second.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)

        assert first.stop()[-1].outcome is ProbeFate.REFUSED
        assert second.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        assert {sample.outcome for sample in second.stop()} == {ProbeFate.ANSWERED}
        assert second.pid is None


def test_more_probes_than_can_be_sent_are_missed_and_none_is_called_lost() -> None:
    with Service(backlog=1024) as service, ExitStack() as stack:
        probes = [stack.enter_context(Probe.start(target(service, 1))) for _ in range(MORE_THAN_CAN_BE_SERVED)]
        assert probes[0].wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        samples = probes[0].stop()

        assert {sample.outcome for sample in samples} == {ProbeFate.ANSWERED}
        assert probes[0].missed > 0
        assert service.accepted() == 0


def test_an_orderly_stop_is_no_failure_and_can_be_repeated() -> None:
    with Service() as service, Probe.start(target(service)) as probe:
        assert probe.wait_answering(consecutive=1, timeout_s=SOON_S)

        assert probe.stop() == probe.stop()
        assert probe.failure is None


def test_the_prober_ends_when_its_parent_is_killed() -> None:
    start_one = (
        "import sys; from ferryman.downtime.prober import Probe; from ferryman.downtime.values import ProbeTarget\n"
        "probe = Probe.start(ProbeTarget(address='127.0.0.1', port=int(sys.argv[1])))\n"
        "print(probe.pid, flush=True); sys.stdin.read()"
    )
    with (
        Service() as service,
        subprocess.Popen(
            [sys.executable, "-c", start_one, str(service.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as parent,
    ):
        assert parent.stdout is not None
        prober = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()

        assert has_ended(prober)
        os.close(prober)


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (ProbeTarget(address="guest-01.invalid", port=22), "does not resolve.*give an IP address"),
        (ProbeTarget(address="127.0.0.1", port=0), "from 1 to 65535"),
        (ProbeTarget(address="127.0.0.1", port=22, deadline_ms=1000), "give at most 950"),
        (ProbeTarget(address="127.0.0.1", port=22, interval_ms=0.5), "give one from 1 to 1000"),
        (ProbeTarget(address="127.0.0.1", port=22, interval_ms=2000), "give one from 1 to 1000"),
    ],
)
def test_a_target_that_cannot_be_probed_is_refused_with_the_remedy(wrong: ProbeTarget, remedy: str) -> None:
    with pytest.raises(ProbeError, match=remedy):
        Probe.start(wrong)


def test_an_interface_that_is_no_more_fails_one_probe_and_no_other() -> None:
    prober = SharedProber()
    gone = ProbeTarget(address="fe80::1%nope", port=22)
    with Service() as service, Probe.start(target(service), prober) as probe, Probe(gone, prober) as other:
        assert not other.wait_answering(consecutive=1, timeout_s=SOON_S)
        assert "fe80::1%nope cannot be probed" in (other.failure or "")
        assert probe.wait_answering(consecutive=BASELINE, timeout_s=SOON_S)
        assert probe.failure is None


def test_a_program_whose_orders_have_ended_refuses_them_as_one_that_died_does() -> None:
    program = LocalProgram.launch()
    program.finish()
    with pytest.raises(BrokenPipeError):
        program.order("stop 0")
    assert program.read() == b""
    program.last_words()


def test_a_probe_that_the_server_closed_after_its_answer_was_answered() -> None:
    with Service() as service, socket.create_connection((service.address, service.port)) as probe:
        service.listener.accept()[0].close()
        assert probe.recv(1) == b""
        flight = probe_process.Flight(probe, time.monotonic_ns(), 0, False)

        round_trip_ns, code = probe_process.answer_to(flight, 900_000_000)

    assert round_trip_ns is not None
    assert code == 0
