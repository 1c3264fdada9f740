"""The systemd unit, judged by systemd's own tools; neither needs a running systemd."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "ferryman.service"
SYSUSERS = UNIT.with_suffix(".sysusers")
MOST_EXPOSED = "20"
"""In tenths: `systemd-analyze security` runs from 0 (sealed) to 100 (bare)."""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that exists in the place of ferryman: `verify` looks for it."""
    program = _settings()["Service"]["ExecStart"].split()[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(f"ExecStart={program} ", "ExecStart=/bin/true "))
    return copy


def test_systemd_finds_nothing_wrong_with_the_unit(installed: Path) -> None:
    done = _analyze("verify", "--man=no", str(installed))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_notices_a_unit_that_is_wrong(installed: Path) -> None:
    """Else the test above would prove nothing."""
    installed.write_text(installed.read_text().replace("Type=notify", "Type=notfy"))

    assert "notfy" in _analyze("verify", "--man=no", str(installed)).stderr


def test_the_unit_gives_away_little() -> None:
    done = _analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(UNIT))

    assert done.returncode == 0, done.stdout
    assert "Overall exposure level for ferryman.service" in done.stdout


def test_systemd_notices_a_unit_that_gives_away_more(tmp_path: Path) -> None:
    bare = tmp_path / UNIT.name
    bare.write_text("[Service]\nExecStart=/bin/true\n")

    assert (
        _analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(bare)).returncode != 0
    )


def test_it_runs_as_the_account_that_the_sysusers_file_makes_and_lives_in_its_home() -> None:
    service = _settings()["Service"]
    account = next(line.split() for line in SYSUSERS.read_text().splitlines() if line.startswith("u "))

    assert service["User"] == account[1]
    assert account[-2] == f"/var/lib/{service['StateDirectory']}"
    assert f"--state {account[-2]}/" in service["ExecStart"]


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def _settings() -> configparser.ConfigParser:
    settings = configparser.ConfigParser(strict=False, interpolation=None)
    settings.read(UNIT)
    return settings
