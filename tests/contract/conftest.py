"""The hosts that the contract is tried on: fake ones always, real ones where a lab is named in the environment.

Guarded, as the program uses them: the guard must change nothing of what a host that answers says.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from stage import Stage

from ferryman.fleet.connecting import connect
from ferryman.fleet.fake.hosts import FakeFleet
from ferryman.fleet.guarding import Guard, GuardedHost
from ferryman.specs.host_spec import HostSpec

LAB = "FERRYMAN_CONTRACT_LAB"
"""A lab's folder; its hosts must be reachable from this very process. See tests/lab/test_libvirt_contract.py."""
VM = "FERRYMAN_CONTRACT_VM"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stage" in metafunc.fixturenames:
        kinds = ["libvirt"] if LAB in os.environ else ["fake"]
        metafunc.parametrize("stage", kinds, indirect=True)


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Two hosts with a VM on the first."""
    if request.param == "fake":
        yield _fake()
        return
    specs = [HostSpec.model_validate(tomllib.loads(file.read_text())) for file in _host_files()]
    source, destination, *_ = (connect(spec, lambda: None) for spec in specs)
    try:
        yield Stage(
            source=source,
            destination=destination,
            destination_spec=specs[1],
            vm=os.environ[VM],
            write_file=lambda path, text: _write_by_ssh(specs[0].name, path, text),
            abort_block_job=lambda vm, disk: _on_host(specs[0].name, f"virsh blockjob {vm} {disk} --abort"),
        )
    finally:
        source.close()
        destination.close()


def _fake() -> Stage:
    specs = [HostSpec(name=name, uri=f"qemu+ssh://root@{name}/system") for name in ("oslo", "bergen")]
    fleet = FakeFleet(*specs)
    fleet.hosts["oslo"].add_vm("guest-a")
    source, destination = (GuardedHost(fleet.connect(spec, lambda: None), Guard(spec.name, "")) for spec in specs)
    return Stage(
        source=source,
        destination=destination,
        destination_spec=specs[1],
        vm="guest-a",
        write_file=fleet.hosts["oslo"].machine_files.known.__setitem__,
        abort_block_job=fleet.hosts["oslo"].images.somebody_aborts,
    )


def _write_by_ssh(host: str, path: str, text: str) -> None:
    _on_host(host, f"mkdir -p {Path(path).parent} && cat >{path} && chmod 600 {path}", text)


def _on_host(host: str, command: str, given: str = "") -> None:
    subprocess.run(["ssh", f"root@{host}", command], input=given, text=True, check=True)


def _host_files() -> list[Path]:
    """The lab's first host first: that is where the VM is."""
    names = os.environ["FERRYMAN_CONTRACT_HOSTS"].split()
    return [Path(os.environ[LAB]) / "specs" / "hosts" / f"{name}.toml" for name in names]
