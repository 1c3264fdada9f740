"""What QEMU's tools are told."""

from __future__ import annotations

import json
from dataclasses import replace

from ferryman.fleet.image_tools import compared, copied, served
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
