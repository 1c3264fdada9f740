"""`ferryman validate` and `ferryman schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from written_state import ferryman, specs


class TestValidate:
    def test_good_specs(self, tmp_path: Path) -> None:
        done = ferryman("validate", specs(tmp_path, guest_01='host = "tallinn"\n'))
        assert (done.exit_code, done.output) == (0, "2 hosts, 1 VMs: good\n")

    def test_every_problem_is_shown_with_its_place_and_remedy(self, tmp_path: Path) -> None:
        folder = specs(tmp_path, guest_01='host = "tallin"\n', guest_02='host = "tallinn"\nmetod = "live"\n')
        done = ferryman("validate", folder)
        assert done.exit_code == 1
        assert "vms/guest-01.toml:2: host:" in done.output
        assert "vms/guest-02.toml:3: metod:" in done.output
        assert "method" in done.output
        assert done.output.count("remedy: ") == 2
        assert done.output.endswith("2 hosts, 2 VMs: 2 problem(s)\n")

    def test_json(self, tmp_path: Path) -> None:
        done = ferryman("validate", specs(tmp_path, guest_01='host = "tallin"\n'), "--json")
        found = json.loads(done.output)
        assert done.exit_code == 1
        assert found["counts"] == {"fleet": 0, "hosts": 2, "vms": 1}
        (problem,) = found["problems"]
        assert (problem["file"], problem["line"], problem["key"]) == ("vms/guest-01.toml", 2, "host")
        assert problem["remedy"]

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        done = ferryman("validate", tmp_path / "nowhere")
        assert done.exit_code == 1
        assert "cannot be read" in done.output
        assert "remedy: " in done.output


class TestSchema:
    @pytest.mark.parametrize("kind", ["fleet", "host", "vm"])
    def test_each_kind_is_json_for_editors(self, kind: str) -> None:
        done = ferryman("schema", kind)
        assert done.exit_code == 0
        assert json.loads(done.output)["type"] == "object"

    def test_another_kind_is_refused_with_what_there_is(self) -> None:
        done = ferryman("schema", "guest")
        assert done.exit_code == 2
        assert "'vm'" in done.output
