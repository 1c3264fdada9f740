"""What a pool's definition says of where its content comes from."""

from __future__ import annotations

import pytest

from ferryman.fleet.xml.pool import origin


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<host name='nas'/><dir path='/vms'/><format type='nfs'/>", "nas dir=/vms"),
        (
            "<host name='10.0.0.9' port='3260'/><device path='iqn.2026-01.lab:vms'/>",
            "10.0.0.9:3260 device=iqn.2026-01.lab:vms",
        ),
        ("<host name='a'/><host name='b'/><name>pool</name>", "a b name=pool"),
        ("<device path='/dev/sdb'/><name>vg0</name>", ""),
        ("<host name='localhost'/><dir path='/vms'/>", ""),
        ("<host name='127.0.0.1'/><dir path='/vms'/>", ""),
        ("", ""),
    ],
)
def test_the_server_and_the_place_there(source: str, expected: str) -> None:
    assert origin(f"<pool type='any'><name>vms</name><source>{source}</source></pool>") == expected


def test_a_folder_comes_from_nowhere_else() -> None:
    assert origin("<pool type='dir'><target><path>/vms</path></target></pool>") == ""
