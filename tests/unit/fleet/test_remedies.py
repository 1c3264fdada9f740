"""What libvirt says comes with what to do."""

from __future__ import annotations

import pytest

from ferryman.fleet.libvirt_adapter.remedies import remedy_for


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("internal error: Unable to find an unused port in range 'migration' (49152-49215)", "ss -ltnp"),
        ("operation failed: migration of disk vda failed: No space left on device", "df -h"),
        ("operation failed: migration of disk vda failed: Input/output error", "dmesg"),
        ("Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatch)", "on skopje"),
    ],
)
def test_what_is_known_is_answered_with_what_mends_it(said: str, command: str) -> None:
    assert command in remedy_for(said, "skopje")


def test_else_it_says_where_to_read_on() -> None:
    assert remedy_for("something new", "skopje") == (
        "See libvirtd's log on skopje: journalctl --unit=libvirtd --lines=50."
    )
