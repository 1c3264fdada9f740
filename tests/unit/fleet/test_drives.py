"""What is inserted in a VM's drives, by its XML."""

from __future__ import annotations

from ferryman.fleet.xml.drives import emptied, media, replaced

DRIVE = "<disk type='{kind}' device='cdrom'>{source}<target dev='sda' bus='sata'/><readonly/></disk>"
VOLUME = DRIVE.format(kind="volume", source="<source pool='iso' volume='seed.iso' index='2'/><backingStore/>")
EMPTY = DRIVE.format(kind="file", source="<source index='3'/>")


def domain(disk: str) -> str:
    return f"<domain><devices>{disk}<disk type='file' device='disk'><source file='/a'/></disk></devices></domain>"


def test_a_drive_that_was_emptied_while_it_runs_has_no_medium() -> None:
    assert media(domain(EMPTY), "") == ()


def test_what_libvirt_adds_while_a_vm_runs_is_left_out() -> None:
    (medium,) = media(domain(VOLUME), domain(EMPTY))
    assert (medium.target, medium.path, medium.defined) == ("sda", "iso/seed.iso", "")
    assert "index" not in medium.running
    assert "backingStore" not in medium.running


def test_an_emptied_drive_is_a_files_and_is_put_back_as_it_was() -> None:
    (medium,) = media("", domain(VOLUME))
    empty = replaced(domain(VOLUME), emptied(medium.defined))
    assert "type='file' device='cdrom'><target".replace("'", '"') in empty
    assert media("", empty) == ()
    assert media("", replaced(empty, medium.defined)) == (medium,)
