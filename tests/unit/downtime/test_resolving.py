"""A name becomes one address, before anything is measured."""

import pytest
from loopback import Service, unused_port

from ferryman.downtime.resolving import ResolveError, find_address, first_answering, resolve


def test_an_address_is_taken_as_it_is() -> None:
    assert find_address("192.0.2.1", 22) == "192.0.2.1"
    assert find_address("2001:db8::1", 22) == "2001:db8::1"


def test_a_name_is_resolved_to_addresses_each_once() -> None:
    found = resolve("localhost")

    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found))


def test_a_name_that_does_not_resolve_says_so_and_what_to_do() -> None:
    with pytest.raises(ResolveError, match=r"does not resolve.*give an IP address"):
        find_address("guest-01.invalid", 22)


def test_the_first_address_whose_port_answers_is_taken_and_the_service_notices_nothing() -> None:
    with Service("127.0.0.2") as service:
        found = first_answering(["127.0.0.1", "127.0.0.2", "127.0.0.3"], service.port)

        assert found == "127.0.0.2"
        assert service.accepted() == 0


def test_where_none_answers_the_first_is_probed() -> None:
    with unused_port() as port:
        assert first_answering(["127.0.0.1", "127.0.0.2"], port) == "127.0.0.1"


def test_an_address_without_a_way_to_it_is_passed_over() -> None:
    with Service() as service:
        # A multicast address cannot be connected to at all.
        assert first_answering(["224.0.0.1", service.address], service.port, within_s=1) == service.address


def test_a_link_local_address_without_its_interface_is_refused_with_what_to_write() -> None:
    with pytest.raises(ResolveError, match="write fe80::1%INTERFACE"):
        find_address("fe80::1", 22)


def test_an_interface_that_is_not_there_is_refused_with_what_to_write() -> None:
    with pytest.raises(ResolveError, match="no interface nope: write fe80::1%INTERFACE"):
        find_address("fe80::1%nope", 22)


def test_an_address_on_an_interface_is_taken_as_it_is() -> None:
    assert find_address("fe80::1%lo", 22) == "fe80::1%lo"
