"""What QEMU's tools are told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ferryman.fleet.image_tools import BEAT, BEAT_EVERY_S, SERVE, compared, copied, served
from ferryman.fleet.images import Export, Image

IMAGE = Image(path="/pool/guest-01.qcow2", format="qcow2")
PLAIN = Export(address="10.0.0.12", port=49215, name="move-vda")
SECURED = replace(PLAIN, tls_name="skopje")
FOLDER = "/etc/pki/qemu"


def reached(arguments: list[str]) -> dict[str, object]:
    """What the last argument, an image by its options, says of the export."""
    kind, _, options = arguments[-1].partition(":")
    assert kind == "json"
    file = json.loads(options)["file"]
    assert isinstance(file, dict)
    return file


def test_in_plain_text_nothing_is_said_of_credentials() -> None:
    for arguments in (
        copied(IMAGE, PLAIN, certificates="", bandwidth_mib_s=0),
        compared(IMAGE, PLAIN, certificates=""),
    ):
        assert "--object" not in arguments
        assert reached(arguments) == {
            "driver": "nbd",
            "server": {"type": "inet", "host": "10.0.0.12", "port": "49215"},
            "export": "move-vda",
        }
    assert served(IMAGE, name="n", address="10.0.0.12", certificates="") == [IMAGE.path, "qcow2", "n", "10.0.0.12"]


def test_under_tls_each_end_shows_its_own_certificate_and_asks_for_the_others() -> None:
    arguments = copied(IMAGE, SECURED, certificates=FOLDER, bandwidth_mib_s=0)
    assert f"tls-creds-x509,id=tls,dir={FOLDER},endpoint=client,verify-peer=on" in arguments
    assert reached(arguments)["tls-hostname"] == "skopje"
    server = served(IMAGE, name="n", address="10.0.0.12", certificates=FOLDER)
    assert f"tls-creds-x509,id=tls,dir={FOLDER},endpoint=server,verify-peer=on" in server
    assert "--tls-creds=tls" in server


def test_a_comma_in_a_folders_name_separates_nothing() -> None:
    arguments = compared(IMAGE, SECURED, certificates="/srv/tls,old")
    assert "tls-creds-x509,id=tls,dir=/srv/tls,,old,endpoint=client,verify-peer=on" in arguments


def test_a_cap_is_told_in_qemus_words() -> None:
    capped = copied(IMAGE, PLAIN, certificates="", bandwidth_mib_s=50)
    assert capped[capped.index("-r") + 1] == "50M"
    assert "-r" not in copied(IMAGE, PLAIN, certificates="", bandwidth_mib_s=0)


class TestServing:
    """The script on a host, with a server in place of qemu-nbd that only waits."""

    SERVER = """#!/bin/sh
    for argument in "$@"; do case $argument in --pid-file=*) pid_file=${argument#*=};; esac; done
    sleep 300 >/dev/null 2>&1 &
    echo $! >"$pid_file"; echo $! >>"$SERVERS"
    """

    @contextmanager
    def served(self, folder: Path, silence_s: int) -> Iterator[subprocess.Popen[bytes]]:
        server = folder / "qemu-nbd"
        server.write_text(self.SERVER)
        server.chmod(0o755)
        (folder / "image").write_bytes(bytes(4096))
        environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "SERVERS": str(folder / "servers")}
        script = "root=; " + SERVE.replace("timeout 60", f"timeout {silence_s}")
        arguments = served(replace(IMAGE, path=str(folder / "image")), name="n", address="::1", certificates="")
        with subprocess.Popen(
            ["sh", "-c", script, "sh", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == b"49215\n"
            yield program

    def is_there(self, folder: Path) -> bool:
        pid = int((folder / "servers").read_text())
        state = Path(f"/proc/{pid}/stat")
        return state.exists() and ") Z " not in state.read_text()

    def test_it_ends_with_its_input(self, tmp_path: Path) -> None:
        with self.served(tmp_path, 60) as program:
            assert self.is_there(tmp_path)
            assert program.stdin is not None
            program.stdin.close()
            assert program.wait(20) == 0
        assert not self.is_there(tmp_path)

    def test_it_ends_where_nothing_is_heard_and_the_input_stays_open(self, tmp_path: Path) -> None:
        with self.served(tmp_path, 1) as program:
            assert program.wait(20) == 0
        assert not self.is_there(tmp_path)

    def test_it_goes_on_as_long_as_it_hears_something(self, tmp_path: Path) -> None:
        with self.served(tmp_path, 2) as program:
            assert program.stdin is not None
            for _ in range(4):
                program.stdin.write(BEAT)
                program.stdin.flush()
                with pytest.raises(subprocess.TimeoutExpired):
                    program.wait(1)
            assert self.is_there(tmp_path)

    def test_it_is_told_several_times_before_it_would_end(self) -> None:
        assert BEAT_EVERY_S * 3 < 60
        assert "timeout 60 " in SERVE
