"""The lab itself: what every other lab test relies on."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import RunningLab, lab_command

from ferryman.lab import fault_processes, faults, guests, ledger, namespaces, processes
from ferryman.lab import lab as labs
from ferryman.lab.guest_xml import DiskFormat
from ferryman.lab.layout import plan_layout
from ferryman.lab.options import DEFAULT_CACHE
from ferryman.lab.shell import LabError


def eventually(holds: Callable[[], bool], within_s: float = 30) -> None:
    """Ask again until it holds; fails after `within_s`."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "did not come to hold in time"
        time.sleep(0.1)


def home(lab: RunningLab, guest: str) -> str:
    """The one host that runs the guest."""
    (host,) = (host for host, state in lab.whereabouts(guest).items() if state == "running")
    return host


@pytest.fixture(scope="module")
def guest(lab: RunningLab) -> Iterator[str]:
    """A running guest; each test leaves it running, on whatever host."""
    name = "guest-a"
    lab.add_guest(name, lab.hosts[0])
    yield name
    lab.remove_guest(name)


class TestHosts:
    def test_each_answers_over_ssh_with_its_key_verified_and_over_tcp(self, lab: RunningLab) -> None:
        for host in lab.hosts:
            assert lab.virsh(host, "hostname").strip() == host
            over_tcp = lab.exec(["virsh", "-c", f"qemu+tcp://{host}/system", "hostname"])
            assert over_tcp.stdout.strip() == host, over_tcp.stderr

    def test_each_is_another_host_to_libvirt(self, lab: RunningLab) -> None:
        uuids = {lab.virsh(host, "capabilities").partition("<uuid>")[2][:36] for host in lab.hosts}
        assert len(uuids) == len(lab.hosts)

    def test_each_reaches_the_others_by_ssh(self, lab: RunningLab) -> None:
        first, second, *_ = lab.hosts
        done = lab.exec(["ssh", f"root@{first}", "virsh", "-c", f"qemu+ssh://root@{second}/system", "hostname"])
        assert done.stdout.strip() == second, done.stderr

    def test_each_has_the_pool_and_a_bridge_without_spanning_tree(self, lab: RunningLab) -> None:
        for host in lab.hosts:
            assert lab.virsh(host, "pool-info", "vms").count("yes") == 2
            shown = lab.exec(["ssh", f"root@{host}", "ip", "-details", "link", "show", "kvmbr0"])
            assert "stp_state 0" in shown.stdout

    def test_nothing_of_them_reaches_the_machines_own_network(self, lab: RunningLab) -> None:
        shown = subprocess.run(["ip", "link"], capture_output=True, text=True, check=True)
        assert lab.ledger.layout.switch not in shown.stdout
        assert "default" not in lab.exec(["ip", "route"]).stdout


class TestExec:
    def test_passes_exit_code_and_folder(self, lab: RunningLab) -> None:
        done = lab.exec(["sh", "-c", "pwd; exit 7"])
        assert (done.returncode, done.stdout.strip()) == (7, str(Path.cwd()))

    def test_keeps_the_process_id_so_that_signals_arrive(self, lab: RunningLab) -> None:
        with subprocess.Popen(
            [*lab_command("exec", lab.folder), "--", "sh", "-c", "echo $$; exec sleep 60"],
            stdout=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdout is not None
            assert int(running.stdout.readline()) == running.pid
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=10) == -signal.SIGTERM


class TestGuests:
    def test_counts_on_its_disk_and_greets_on_port_22(self, lab: RunningLab, guest: str) -> None:
        before = lab.counter(guest)
        eventually(lambda: lab.counter(guest) > before)
        address = guests.find(lab.ledger.layout, guest).address
        done = lab.exec(["ssh", f"root@{address}", "hostname"])
        assert done.returncode == 0, done.stderr

    def test_migrates_live_with_its_disk_copied(self, lab: RunningLab, guest: str) -> None:
        source = home(lab, guest)
        destination = next(host for host in lab.hosts if host != source)
        before = lab.counter(guest)
        lab.virsh(destination, "vol-create-as", "vms", f"{guest}.qcow2", "64M", "--format", "qcow2")
        flags = ["--live", "--p2p", "--persistent", "--undefinesource", "--copy-storage-all"]
        lab.virsh(source, "migrate", *flags, guest, f"qemu+ssh://root@{destination}/system")
        assert lab.whereabouts(guest) == {destination: "running"}
        eventually(lambda: lab.counter(guest) > before)

    def test_shuts_down_on_acpi_and_counts_on_after_a_start(self, lab: RunningLab, guest: str) -> None:
        host = home(lab, guest)
        eventually(lambda: lab.counter(guest) > 3)
        before = lab.counter(guest)
        lab.virsh(host, "shutdown", guest)
        eventually(lambda: lab.whereabouts(guest) == {host: "shut off"})
        lab.virsh(host, "start", guest)
        assert lab.wait_until_ready(guest) >= before

    def test_one_that_is_added_off_stays_off(self, lab: RunningLab) -> None:
        lab.add_guest("sleeper", lab.hosts[1], off=True, disk_format=DiskFormat.RAW, disk_mib=8)
        assert lab.whereabouts("sleeper") == {lab.hosts[1]: "shut off"}
        lab.remove_guest("sleeper")
        assert lab.whereabouts("sleeper") == {}
        assert "sleeper" not in lab.virsh(lab.hosts[1], "vol-list", "vms")

    def test_a_second_of_the_same_name_is_refused(self, lab: RunningLab, guest: str) -> None:
        with pytest.raises(LabError, match="already"):
            guests.plan(lab.ledger, guest, None)

    def test_one_that_would_run_out_of_memory_is_refused(self, lab: RunningLab) -> None:
        with pytest.raises(LabError, match="--memory-mib 100 or more"):
            lab.add_guest("glutton", lab.hosts[0], dirty_mib=24)
        assert "glutton" not in guests.recorded(lab.ledger.layout)


class TestFaults:
    def test_a_cut_host_is_silent_until_it_is_healed(self, lab: RunningLab) -> None:
        host = lab.hosts[2]
        ask = ["timeout", "5", "virsh", "-c", f"qemu+tcp://{host}/system", "hostname"]
        faults.cut(lab.ledger, host)
        assert lab.exec(ask).returncode != 0
        faults.heal(lab.ledger, host)
        assert lab.exec(ask).stdout.strip() == host

    def test_a_cut_port_leaves_the_others_open(self, lab: RunningLab) -> None:
        host = lab.hosts[2]
        ask = ["timeout", "5", "virsh", "-c", f"qemu+tcp://{host}/system", "hostname"]
        faults.cut_port(lab.ledger, host, "16509", reset=True)
        assert "refused" in lab.exec(ask).stderr
        assert lab.virsh(host, "hostname").strip() == host
        faults.heal(lab.ledger, host)
        assert lab.exec(ask).stdout.strip() == host

    def test_a_narrow_link_carries_less(self, lab: RunningLab) -> None:
        host = lab.hosts[2]
        send = ["sh", "-c", f"head -c 2000000 /dev/zero | ssh root@{host} 'cat >/dev/null'"]
        faults.narrow(lab.ledger, host, 8)
        begun = time.monotonic()
        assert lab.exec(send).returncode == 0
        assert time.monotonic() - begun > 1.5  # 16 Mbit at 8 Mbit/s, less the bucket
        faults.widen(lab.ledger, host)
        faults.widen(lab.ledger, host)

    def test_guests_outlive_their_hosts_daemon_but_not_their_qemu(self, lab: RunningLab, guest: str) -> None:
        host = home(lab, guest)
        fault_processes.stop_daemon(lab.ledger, host)
        before = lab.counter(guest)
        eventually(lambda: lab.counter(guest) > before)
        with pytest.raises(LabError, match="start-daemon"):
            fault_processes.stop_daemon(lab.ledger, host)
        fault_processes.start_daemon(lab.ledger, host)
        assert lab.whereabouts(guest) == {host: "running"}
        fault_processes.kill_qemu(lab.ledger, host, guest)
        eventually(lambda: lab.whereabouts(guest) == {host: "shut off"})
        lab.virsh(host, "start", guest)
        lab.wait_until_ready(guest)


class TestStatus:
    def test_tells_hosts_guests_and_what_to_do_next(self, lab: RunningLab, guest: str) -> None:
        done = subprocess.run(
            [*lab_command("status", lab.folder), "--json"], capture_output=True, text=True, check=True
        )
        seen = json.loads(done.stdout)
        assert [host["name"] for host in seen["hosts"]] == list(lab.hosts)
        assert (guest, home(lab, guest)) in [(found["name"], found["host"]) for found in seen["guests"]]
        assert str(lab.folder) in seen["next_commands"]["remove the lab"]


class TestDown:
    """Beside the session's lab, on the same subnet: neither sees the other."""

    @pytest.fixture
    def small(self, tmp_path: Path, lab: RunningLab) -> ledger.Ledger:
        """A lab of its own, to take down."""
        layout = plan_layout(tmp_path / "small", ("alpha", "beta"), str(lab.ledger.layout.subnet))
        return labs.up(layout, DEFAULT_CACHE, print, storage=True)

    def test_leaves_no_process_namespace_or_file(self, small: ledger.Ledger) -> None:
        guests.add(small, guests.plan(small, "left-over", None), "alpha")
        command = [*lab_command("exec", small.layout.folder), "--", "sleep", "600"]
        with subprocess.Popen(command) as straggler:
            inodes = {held.network_inode for held in small.namespaces.values()}
            eventually(lambda: namespaces.network_inode(straggler.pid) in inodes)
            labs.down(small.layout.folder, print)
            assert straggler.wait(timeout=10) == -signal.SIGKILL
        assert [found for inode in inodes for found in namespaces.dwellers(inode)] == []
        assert not any(processes.is_alive(process) for process in small.processes)
        assert not small.layout.folder.exists()
        assert str(small.layout.folder) not in Path("/proc/self/mountinfo").read_text()

    def test_finishes_after_the_holders_were_killed_and_can_be_repeated(self, small: ledger.Ledger) -> None:
        processes.end(small.operator.holder)
        processes.end(small.namespace("alpha").holder)
        labs.down(small.layout.folder, print)
        labs.down(small.layout.folder, print)
        assert not small.layout.folder.exists()

    def test_removes_what_a_failed_up_left(self, tmp_path: Path) -> None:
        layout = plan_layout(tmp_path / "broken", ("alpha", "beta"), "10.91.5.0/24")
        half = ledger.Ledger(layout=layout)
        layout.folder.mkdir()
        half.add_namespace("alpha", namespaces.hold_host("alpha", tmp_path / "log", half.add_process))
        labs.down(layout.folder, print)
        assert not half.namespace("alpha").alive
        assert not layout.folder.exists()

    def test_a_folder_that_is_no_labs_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("mine")
        labs.down(tmp_path, print)
        with pytest.raises(LabError, match="not empty"):
            labs.up(plan_layout(tmp_path, ("alpha", "beta"), "10.91.5.0/24"), DEFAULT_CACHE, print)
        assert (tmp_path / "precious").read_text() == "mine"
