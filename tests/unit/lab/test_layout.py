"""Names and addresses of a lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.lab.allowed import LayoutError, check_guest_name
from ferryman.lab.layout import mac_of, plan_layout, tag_of

FOLDER = Path("/var/lib/ferryman-lab")


def test_hosts_operator_and_guests_have_their_places_in_the_subnet() -> None:
    layout = plan_layout(FOLDER, ("tallinn", "skopje", "oslo"), "10.77.0.0/24")
    assert [host.address for host in layout.hosts] == ["10.77.0.11", "10.77.0.12", "10.77.0.13"]
    assert layout.operator_address == "10.77.0.1"
    assert layout.free_guest_address(["10.77.0.101"]) == "10.77.0.102"
    assert layout.with_prefix("10.77.0.11") == "10.77.0.11/24"


def test_hosts_of_two_labs_are_different_machines_to_libvirt() -> None:
    here = plan_layout(FOLDER, ("tallinn", "skopje"), "10.77.0.0/24")
    there = plan_layout(FOLDER / "other", ("tallinn", "skopje"), "10.77.0.0/24")
    assert len({host.host_uuid for lab in (here, there) for host in lab.hosts}) == 4
    assert here.switch != there.switch


@given(st.text(min_size=1, max_size=200))
def test_a_switchs_name_fits_an_interface(path: str) -> None:
    assert len(f"fm-{tag_of(Path('/') / path)}") <= 15


@given(st.text(max_size=40))
def test_a_guests_mac_address_is_fixed_and_in_qemus_range(name: str) -> None:
    assert mac_of(name) == mac_of(name)
    assert mac_of(name).startswith("52:54:00:")
    assert len(mac_of(name)) == 17


@pytest.mark.parametrize(
    ("names", "subnet", "says"),
    [
        (("tallinn",), "10.77.0.0/24", "at least two hosts"),
        (("tallinn", "tallinn"), "10.77.0.0/24", "twice"),
        (("tallinn", "Oslo!"), "10.77.0.0/24", "a-z"),
        (("tallinn", "operator"), "10.77.0.0/24", "cannot name"),
        (("tallinn", "skopje"), "10.77.0.0/28", "too small"),
        (("tallinn", "skopje"), "10.77.0.7/24", "not an IPv4 subnet"),
        (tuple(f"host{n}" for n in range(95)), "10.77.0.0/24", "too many"),
    ],
)
def test_what_cannot_be_laid_out_is_refused_with_a_remedy(names: tuple[str, ...], subnet: str, says: str) -> None:
    with pytest.raises(LayoutError, match=says):
        plan_layout(FOLDER, names, subnet)


@pytest.mark.parametrize("folder", ["/run/lab", "/etc/lab", "/var/lib/libvirt/lab", "/root/.ssh/lab", "/", "/tmp"])
def test_a_folder_that_hosts_would_hide_or_that_is_not_the_labs_own_is_refused(folder: str) -> None:
    with pytest.raises(LayoutError, match="ferryman-lab"):
        plan_layout(Path(folder), ("tallinn", "skopje"), "10.77.0.0/24")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.78.0.101", "outside"),
        ("10.77.0.11", "taken"),
        ("10.77.0.1", "taken"),
        ("10.77.0.150", "taken"),
        ("ten", "not an IPv4 address"),
    ],
)
def test_an_address_that_a_guest_cannot_have_is_refused(address: str, says: str) -> None:
    layout = plan_layout(FOLDER, ("tallinn", "skopje"), "10.77.0.0/24")
    with pytest.raises(LayoutError, match=says):
        layout.guest_address(address, ["10.77.0.150"])


def test_a_full_subnet_is_refused() -> None:
    layout = plan_layout(FOLDER, ("tallinn", "skopje"), "10.77.0.0/24")
    with pytest.raises(LayoutError, match="no guest address left"):
        layout.free_guest_address(f"10.77.0.{n}" for n in range(256))


def test_an_unknown_host_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LayoutError, match="tallinn, skopje"):
        plan_layout(FOLDER, ("tallinn", "skopje"), "10.77.0.0/24").host("oslo")


@pytest.mark.parametrize("name", ["", "-a", "a b", "../a", "A", "x" * 40])
def test_a_guests_name_is_plain(name: str) -> None:
    with pytest.raises(LayoutError, match="cannot name a guest"):
        check_guest_name(name)
