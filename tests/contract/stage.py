"""Two hosts of one kind, and what the contract's tests ask of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ferryman.fleet.errors import OperationFailedError
from ferryman.fleet.host_facts import Peer
from ferryman.fleet.hypervisor import Hypervisor
from ferryman.fleet.images import Export, Image
from ferryman.fleet.lifecycle import GuestEvent
from ferryman.fleet.migrating import LiveMigration
from ferryman.fleet.storage import Volume, VolumeRef
from ferryman.fleet.values import HostReading, Power
from ferryman.specs.host_spec import HostSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Two hosts; a VM with one disk, vda, runs on the first and nothing of it is on the second."""

    source: Hypervisor
    destination: Hypervisor
    destination_spec: HostSpec
    vm: str
    write_file: Callable[[str, str], None]
    """Write a text to a file of the source, by its path, whatever hypervisors can do."""
    abort_block_job: Callable[[str, str], None]
    """End the job of a VM's disk, as somebody else does it who is not this program."""
    pool: str = "vms"

    def ref(self, name: str) -> VolumeRef:
        """A volume in the pool that both hosts have."""
        return VolumeRef(pool=self.pool, name=name)

    def describe_destination(self) -> HostReading:
        """The destination, looked at closely."""
        return self.destination.describe([]).reading

    def disk(self) -> Volume:
        """The VM's disk at the source."""
        volume = self.source.domains.inspect(self.vm).disks[0].volume
        assert volume is not None
        return volume

    def request(self, to: HostSpec | None = None) -> LiveMigration:
        """Its migration with its disk copied."""
        spec = to or self.destination_spec
        return LiveMigration(
            vm=self.vm,
            peer_uri=spec.effective_peer_uri,
            data_uri=f"tcp://{spec.effective_migration_address}",
            copied_disks=("vda",),
        )

    def peer(self) -> Peer:
        """The destination as the source reaches it."""
        spec = self.destination_spec
        return Peer(name=spec.name, uri=spec.effective_peer_uri, address=spec.effective_migration_address)

    @contextmanager
    def twin_volume(self) -> Iterator[Volume]:
        """An empty volume at the destination for the disk; gone afterwards."""
        disk = self.disk()
        created = self.destination.volumes.create(disk.ref, format=disk.format, capacity_bytes=disk.capacity_bytes)
        yield created
        self.destination.volumes.delete(disk.ref)

    @contextmanager
    def filled_volume(self, content: Sequence[bytes | int]) -> Iterator[Volume]:
        """A raw volume at the source with this content; gone afterwards."""
        size = sum(run if isinstance(run, int) else len(run) for run in content)
        ref = self.ref("contract-sent.img")
        self.source.volumes.create(ref, format="raw", capacity_bytes=size)
        self.source.volumes.upload(ref, iter(content))
        filled = self.source.volumes.find(ref)
        assert filled is not None
        yield filled
        self.source.volumes.delete(ref)

    @contextmanager
    def empty_volume(self, image_format: str, capacity_bytes: int) -> Iterator[Volume]:
        """A volume at the destination; gone afterwards."""
        ref = self.ref("contract-arrived.img")
        yield self.destination.volumes.create(ref, format=image_format, capacity_bytes=capacity_bytes)
        self.destination.volumes.delete(ref)

    @contextmanager
    def served(self, volume: Volume, tls_name: str = "") -> Iterator[Export]:
        """The destination serves a volume of its own."""
        address = self.destination_spec.effective_migration_address
        image = Image(path=volume.path, format=volume.format)
        with self.destination.images.serve(image, name="contract", address=address, tls_name=tls_name) as export:
            yield export

    def eventually(self, power: Power) -> None:
        """Wait until the VM at the source is in this state."""
        found = self.until(lambda: self.source.power.state(self.vm) is power)
        assert found, f"{self.vm} did not come to be {power}"

    def until_off(self) -> None:
        """Have the guest power itself off; one that boots misses the first requests."""
        power = self.source.power

        def is_off() -> bool:
            if power.state(self.vm) is Power.RUNNING:
                with suppress(OperationFailedError):  # it went off meanwhile
                    power.request_shutdown(self.vm)
            return power.state(self.vm) is Power.SHUT_OFF

        assert self.until(is_off), f"{self.vm} does not power off"

    def until(self, holds: Callable[[], bool], within_s: float = 60) -> bool:
        """Look again until it holds; whether it came to hold in time."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def told(self, host: Hypervisor, uuid: str, since_ns: int, awaited: GuestEvent) -> list[GuestEvent]:
        """What a host told of a guest, once word of `awaited` has come: it comes after the call that caused it."""
        deadline = time.monotonic() + 10
        while awaited not in (changes := [event.change for event in host.domains.lifecycle(uuid, since_ns)]):
            assert time.monotonic() < deadline, f"no word of {awaited}: {changes}"
            time.sleep(0.01)
        return changes
