"""A plain folder: what is on the disk counts, links do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from spec_trees import GOOD, GUEST, git, write

from ferryman.specs.folder import FolderSource, blob_id
from ferryman.specs.problems import ProblemCode
from ferryman.specs.source import RevisionKind, SourceError


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    write(tmp_path, {**GOOD, "README.md": "# ours", "vms/notes.txt": "x", "vms/.guest-01.toml.swp": "x"})
    return FolderSource(folder=tmp_path)


def test_its_spec_files_are_read(source: FolderSource) -> None:
    found = source.current()
    assert {path: file.content.decode() for path, file in found.files.items()} == GOOD
    assert found.refused == {}


def test_a_revision_is_named_after_the_content(source: FolderSource) -> None:
    before = source.current().revision
    assert before == source.current().revision
    assert before.kind is RevisionKind.FOLDER
    assert before.id.startswith("folder-")
    write(source.folder, {"vms/guest-01.toml": GUEST + "# edited\n"})
    assert source.current().revision != before


def test_blob_ids_are_gits_own(source: FolderSource) -> None:
    file = source.folder / "vms/guest-01.toml"
    assert blob_id(file.read_bytes()) == git(source.folder, "hash-object", str(file))


def test_links_pipes_and_large_files_are_refused(source: FolderSource) -> None:
    vms = source.folder / "vms"
    (vms / "linked.toml").symlink_to("guest-01.toml")
    (vms / "folder").symlink_to("../hosts")
    os.mkfifo(vms / "pipe.toml")
    (vms / "huge.toml").write_text("#" * 300_000)
    found = source.current()
    assert {path: problem.code for path, problem in found.refused.items()} == {
        "vms/linked.toml": ProblemCode.LINK,
        "vms/folder": ProblemCode.LINK,
        "vms/pipe.toml": ProblemCode.UNREADABLE,
        "vms/huge.toml": ProblemCode.TOO_LARGE,
    }
    assert set(found.files) == set(GOOD)


def test_a_missing_folder_is_an_error_and_no_empty_fleet(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        FolderSource(folder=tmp_path / "nowhere").current()


def test_a_name_that_is_not_utf_8_is_refused(source: FolderSource) -> None:
    (source.folder / os.fsdecode(b"vms/\xff.toml")).write_text("x")
    (path,) = source.current().refused
    assert path == "vms/\\xff.toml"
