"""What a host prints about itself, read; and the command that makes it print, run on this machine."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.fleet import facts_script
from ferryman.fleet.facts_script import clock_between, parse
from ferryman.fleet.host_facts import MIGRATION_PORTS, Clock, Folder, HostFacts, Peer, PeerFacts, Reach

PEERS = (
    Peer(name="oslo", uri="qemu+ssh://root@oslo/system", address="10.0.0.1"),
    Peer(name="bergen", uri="qemu+tcp://bergen/system", address="10.0.0.2"),
)
FOLDERS = ("/images", "/fast")
ASKED = (5_000_000_000, 5_400_000_000)
OUTPUT = """\
Welcome to tallinn! Have a nice day.
began 10200000000
user migration
groups migration libvirt
root no
userfaultfd 1
stp kvmbr0 0
stp lan 1
bridges all
qemu-user libvirt-qemu
filesystem 0 ext4
access 0 yes
access 1 no
libvirtd 1 failed error: failed to connect: Host key verification failed.
closed-ports 0
closed-ports 1 49152 49153
libvirtd 0 reached
ended 10300000000
"""


def read(output: str) -> HostFacts:
    return parse("tallinn", output, FOLDERS, PEERS, ASKED)


def test_every_fact_is_read() -> None:
    assert read(OUTPUT) == HostFacts(
        host="tallinn",
        by_ssh=True,
        user="migration",
        acts_as_root=False,
        groups=frozenset({"migration", "libvirt"}),
        clock=Clock(ahead_ms=5050, error_ms=151),
        stp_bridges=frozenset({"lan"}),
        unprivileged_userfaultfd=True,
        qemu_user="libvirt-qemu",
        folders={
            "/images": Folder(file_system="ext4", open_to_qemu=True),
            "/fast": Folder(file_system="", open_to_qemu=False),
        },
        peers={
            "oslo": PeerFacts(uri=PEERS[0].uri, libvirtd=Reach.REACHED, closed_ports=()),
            "bergen": PeerFacts(
                uri=PEERS[1].uri,
                libvirtd=Reach.FAILED,
                says="error: failed to connect: Host key verification failed.",
                closed_ports=(49152, 49153),
            ),
        },
    )


def test_nothing_printed_is_nothing_known() -> None:
    facts = read("")
    known = (facts.user, facts.groups, facts.clock, facts.stp_bridges, facts.unprivileged_userfaultfd, facts.qemu_user)
    assert known == (None,) * 6
    assert set(facts.folders.values()) == {Folder()}
    assert [facts.peer(peer.name).libvirtd for peer in PEERS] == [Reach.UNKNOWN] * 2
    assert [facts.peer(peer.name).closed_ports for peer in PEERS] == [None, None]


@pytest.mark.parametrize(
    "line",
    [
        "began ten",
        f"began {'9' * 5000}",
        "began ١٢",  # digits, and not ASCII's
        "userfaultfd 2",
        "user a b",
        "access 7 yes",
        "access 0 maybe",
        "libvirtd 0 conquered",
        "libvirtd",
        "closed-ports 0 22",
        "closed-ports 0 49152 x",
        "stp",
    ],
)
def test_a_line_that_makes_no_sense_is_no_fact(line: str) -> None:
    assert read(line) == read("")


def test_a_listing_of_bridges_that_was_cut_is_not_believed() -> None:
    assert read("stp lan 1\n").stp_bridges is None


def test_a_flood_of_output_is_cut() -> None:
    began = time.monotonic()
    facts = read("libvirtd 0 failed " + "x" * 10_000_000)
    assert len(facts.peer("oslo").says) <= 300
    assert time.monotonic() - began < 1.0


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert read(text).host == "tallinn"


@given(st.lists(st.sampled_from([*OUTPUT.split(), "\n", "-1", "0", "\x00", "ended"])).map(" ".join))
def test_any_mixture_of_its_words_is_read_without_an_error(text: str) -> None:
    facts = read(text)
    assert set(facts.peers) == {"oslo", "bergen"}


def test_a_clock_that_ran_for_longer_than_it_was_asked_is_none() -> None:
    assert clock_between(0, 2_000_000_000, (0, 1_000_000_000)) is None


@given(
    offset=st.integers(-(10**12), 10**12),
    before=st.integers(0, 10**9),
    running=st.integers(0, 10**10),
    after=st.integers(0, 10**9),
)
def test_the_true_offset_is_within_the_stated_error(offset: int, before: int, running: int, after: int) -> None:
    began = before + offset
    clock = clock_between(began, began + running, (0, before + running + after))
    assert clock is not None
    assert abs(clock.ahead_ms - offset / 1e6) <= clock.error_ms + 1


class TestTheCommandItself:
    def test_finds_out_what_this_machine_is(self, tmp_path: Path) -> None:
        unreachable = Peer(name="self", uri="qemu+tcp://127.0.0.1:1/system", address="127.0.0.1")
        folders = (str(tmp_path), "/does not exist; echo user mallory")
        before_ns = time.time_ns()
        argv = facts_script.command(folders, [unreachable])
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
        facts = parse("here", done.stdout, folders, [unreachable], (before_ns, time.time_ns()))
        assert facts.clock is not None
        assert abs(facts.clock.ahead_ms) <= facts.clock.error_ms
        me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        assert facts.user == me
        as_root = subprocess.run(["sudo", "-n", "true"] if me != "root" else ["true"], check=False).returncode == 0
        assert facts.acts_as_root is as_root
        assert facts.stp_bridges is not None
        assert facts.folders[str(tmp_path)].file_system
        assert facts.folders[folders[1]].open_to_qemu is None
        assert facts.peer("self").libvirtd is not Reach.REACHED

    def test_a_program_that_listens_sees_no_connection(self) -> None:
        """A QEMU that waits for its migration would take the first one that it sees for that."""
        ports = (facts_script.scripts() / "migration_ports.py").read_text()
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            port = str(server.getsockname()[1])
            for _ in range(20):
                argv = ["python3", "-c", ports, port, port, "127.0.0.1"]
                done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
                assert done.stdout == "closed-ports 0\n"
                with pytest.raises(BlockingIOError):
                    server.accept()

    def test_a_host_without_a_name_is_left_out(self) -> None:
        ports = (facts_script.scripts() / "migration_ports.py").read_text()
        argv = ["python3", "-c", ports, "49152", "49153", "nowhere.invalid", "127.0.0.1"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout == "closed-ports 1\n"

    def test_every_migration_port_is_tried(self) -> None:
        argv = facts_script.command((), PEERS)
        assert argv[5:7] == [str(MIGRATION_PORTS[0]), str(MIGRATION_PORTS[-1])] == ["49152", "49215"]
