"""A move to a host whose pool and bridge have other names: what was previewed is what is defined there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from stand import VM, Stand

from ferryman.fleet.fake.storage import FakePool
from ferryman.fleet.xml import domain as domain_xml
from ferryman.fleet.xml.adapting import adapted
from ferryman.migration.attempt import carry_out
from ferryman.records.audit.record import Outcome
from ferryman.specs.choices import Method, StorageMode
from ferryman.specs.host_spec import ArrivalSpec
from ferryman.specs.vm_spec import StorageSpec


@pytest.fixture
def mapped(tmp_path: Path) -> Stand:
    stand = Stand(folder=tmp_path)
    stand.source.add_vm(VM)
    stand.destination.pools = stand.destination.volumes.pools = {"fast": FakePool(target_path="/srv/fast")}
    stand.destination.bridges = frozenset({"br7"})
    arrivals = ArrivalSpec(pools={"vms": "fast"}, bridges={"kvmbr0": "br7"})
    stand.specs["skopje"] = stand.specs["skopje"].model_copy(update={"arrivals": arrivals})
    return stand


@pytest.mark.parametrize("method", [Method.LIVE, Method.PAUSED, Method.POST_COPY, Method.COLD])
def test_what_was_previewed_is_what_is_defined_there(mapped: Stand, method: Method) -> None:
    before = mapped.source.domains.inspect(VM)
    order = mapped.order(method)
    previewed = adapted(before.xml, order.plan.adaptation)
    record = carry_out(order, mapped.services())
    assert record is not None
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    there = mapped.destination.domains.inspect(VM)
    assert there.xml == previewed
    assert [disk.path for disk in there.disks] == [f"/srv/fast/{VM}.img"]
    assert there.interfaces == (replace(before.interfaces[0], source="br7"),)
    assert domain_xml.machine(there.xml) == before.machine
    assert set(mapped.destination.pools["fast"].volumes) == {f"{VM}.img"}


@pytest.mark.parametrize("method", [Method.LIVE, Method.PAUSED, Method.POST_COPY, Method.COLD])
@pytest.mark.parametrize("mode", [StorageMode.AUTO, StorageMode.SHARED])
def test_a_shared_disk_is_found_where_the_destination_has_mounted_it(
    tmp_path: Path, method: Method, mode: StorageMode
) -> None:
    stand = Stand(folder=tmp_path)
    stand.source.add_vm(VM)
    here = stand.source.pools["vms"]
    here.kind = "netfs"
    stand.destination.pools["vms"] = FakePool(kind="netfs", target_path="/mnt/nas", volumes=here.volumes)
    order = stand.order(method, storage=StorageSpec(mode=mode))
    previewed = adapted(stand.source.domains.inspect(VM).xml, order.plan.adaptation)
    record = carry_out(order, stand.services())
    assert record is not None
    assert record.outcome is Outcome.SUCCEEDED, record.reason
    there = stand.destination.domains.inspect(VM)
    assert there.xml == previewed
    assert [disk.path for disk in there.disks] == [f"/mnt/nas/{VM}.img"]
    assert set(here.volumes) == {f"{VM}.img"}
    assert stand.fleet.violations == []
