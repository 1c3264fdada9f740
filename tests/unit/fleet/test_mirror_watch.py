"""A mirror is whole only where the end of its QEMU was told, and nothing of the mirror's own end before."""

from __future__ import annotations

import pytest

from ferryman.fleet.mirror_watch import MirrorWatch

VM, DISK = "guest-01", "vda"


@pytest.fixture
def watch() -> MirrorWatch:
    watch = MirrorWatch()
    watch.begin(VM, DISK)
    return watch


def test_one_that_ends_with_its_qemu_is_whole(watch: MirrorWatch) -> None:
    watch.guest_is_down(VM)
    watch.job_ended(VM, DISK)
    watch.qemu_ended(VM)
    assert not watch.broke(VM, DISK, 0)


def test_one_that_is_cancelled_or_completed_before_lacks_writes(watch: MirrorWatch) -> None:
    watch.job_ended(VM, DISK)
    watch.guest_is_down(VM)
    watch.qemu_ended(VM)
    assert watch.broke(VM, DISK, 0)


def test_a_failed_write_counts_until_the_very_end(watch: MirrorWatch) -> None:
    watch.guest_is_down(VM)
    watch.job_failed(VM, DISK)
    watch.qemu_ended(VM)
    assert watch.broke(VM, DISK, 0)


def test_without_word_of_the_end_it_is_not_known_to_be_whole(watch: MirrorWatch) -> None:
    watch.guest_is_down(VM)
    assert watch.broke(VM, DISK, 0.01)


def test_a_connection_that_was_lost_meanwhile_told_nothing(watch: MirrorWatch) -> None:
    watch.connection_lost()
    watch.qemu_ended(VM)
    assert watch.broke(VM, DISK, 0)


def test_what_befalls_another_disk_or_vm_is_not_its_own(watch: MirrorWatch) -> None:
    watch.begin("other", DISK)
    watch.begin(VM, "vdb")
    watch.job_ended("other", DISK)
    watch.job_failed(VM, "vdb")
    watch.qemu_ended(VM)
    assert not watch.broke(VM, DISK, 0)
    assert watch.broke(VM, "vdb", 0)


def test_one_that_is_begun_anew_is_judged_anew(watch: MirrorWatch) -> None:
    watch.job_failed(VM, DISK)
    watch.begin(VM, DISK)
    watch.qemu_ended(VM)
    assert not watch.broke(VM, DISK, 0)


def test_one_that_was_ended_by_us_has_not_broken(watch: MirrorWatch) -> None:
    watch.forget(VM, DISK)
    watch.job_ended(VM, DISK)
    assert not watch.broke(VM, DISK, 0)
