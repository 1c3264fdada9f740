"""One host through libvirt: the adapter of `Hypervisor`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import libvirt

from ferryman.fleet.host_certificates import HostCertificates
from ferryman.fleet.host_facts import HostFacts, Peer
from ferryman.fleet.libvirt_adapter.definitions import LibvirtDefinitions
from ferryman.fleet.libvirt_adapter.domains import LibvirtDomains
from ferryman.fleet.libvirt_adapter.drives import LibvirtDrives
from ferryman.fleet.libvirt_adapter.facts import find_facts
from ferryman.fleet.libvirt_adapter.images import LibvirtImages
from ferryman.fleet.libvirt_adapter.machine import attachments_of, fit_of
from ferryman.fleet.libvirt_adapter.machine_files import LibvirtMachineFiles
from ferryman.fleet.libvirt_adapter.migrations import LibvirtMigrations
from ferryman.fleet.libvirt_adapter.networking import networks_of, read_links
from ferryman.fleet.libvirt_adapter.owner_tags import LibvirtOwnerTags
from ferryman.fleet.libvirt_adapter.power import LibvirtPower
from ferryman.fleet.libvirt_adapter.reading import free_pages_of, machines_of, read_host, read_pools
from ferryman.fleet.libvirt_adapter.session import LibvirtSession
from ferryman.fleet.libvirt_adapter.volumes import LibvirtVolumes, find_volume, refresh, volume_by_path
from ferryman.fleet.machine import Fit, MachineNeeds
from ferryman.fleet.storage import Pool, Volume, VolumeRef
from ferryman.fleet.survey import HostSurvey
from ferryman.fleet.values import HostDetail, HostReading
from ferryman.fleet.xml import machine as machine_xml
from ferryman.specs.host_spec import HostSpec


class LibvirtHost:
    """`Hypervisor` by libvirt; connects at the first call and again after the connection broke."""

    def __init__(self, spec: HostSpec, on_change: Callable[[], None]) -> None:
        self._session = LibvirtSession(spec, on_change)
        self._certificates = HostCertificates(self._session.files)
        self.name, self.spec = spec.name, spec
        self.domains = LibvirtDomains(self._session)
        self.power = LibvirtPower(self._session)
        self.definitions = LibvirtDefinitions(self._session)
        self.drives = LibvirtDrives(self._session)
        self.owner_tags = LibvirtOwnerTags(self._session)
        self.volumes = LibvirtVolumes(self._session)
        self.migrations = LibvirtMigrations(self._session)
        self.machine_files = LibvirtMachineFiles(self._session)
        self.images = LibvirtImages(self._session, self._certificates.latest)

    def read(self) -> HostReading:
        """The host and all its VMs, cheaply."""
        with self._session.connection("reading the host") as connection:
            return replace(read_host(self.name, connection), certificates=self._certificates.latest())

    def describe(
        self, wanted: Collection[VolumeRef], images: Collection[str] = (), closely: Collection[VolumeRef] = ()
    ) -> HostDetail:
        """What planning needs of a destination, with the volumes of these names and paths as far as they exist."""
        with self._session.connection("reading the host") as connection:
            for pool in {ref.pool for ref in wanted}:
                _refresh_by_name(connection, pool)
            capabilities = connection.getCapabilities()
            pools, links = read_pools(connection), read_links(connection, self._session.run)
            volumes = _volumes(connection, pools, wanted)
            looked_at = {ref: self.volumes.find(ref, closely=True) for ref in volumes if ref in closely}
            return HostDetail(
                reading=replace(read_host(self.name, connection), certificates=self._certificates.latest()),
                pools=pools,
                volumes=volumes | {ref: volume for ref, volume in looked_at.items() if volume is not None},
                disk_paths=self.domains.disk_paths() if volumes else {},
                images={path: image for path in images if (image := volume_by_path(connection, path)) is not None},
                bridges=links.bridges,
                links=links.all,
                networks=networks_of(connection, libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE),
                idle_networks=networks_of(connection, libvirt.VIR_CONNECT_LIST_NETWORKS_INACTIVE),
                machines=machines_of(capabilities),
                free_pages=free_pages_of(connection, capabilities),
            )

    def fit(self, needs: MachineNeeds) -> Fit:
        """Whether this host has what a VM's QEMU needs."""
        with self._session.connection("comparing the VM's machine with the host") as connection:
            return fit_of(connection, needs)

    def facts(self, peers: Collection[Peer]) -> HostFacts:
        """What only a command on the host itself can tell; one command."""
        return find_facts(self._session, tuple(peers))

    def survey(self) -> HostSurvey:
        """The host as it is compared with others of its fleet."""
        detail = self.describe(())
        with self._session.connection("reading the host's VMs") as connection:
            return HostSurvey(
                detail=detail,
                cpu=machine_xml.host_model(connection.getCapabilities()),
                attachments=attachments_of(connection),
            )

    def close(self) -> None:
        """Let go of the host."""
        self._session.close()


def _refresh_by_name(connection: libvirt.virConnect, pool: str) -> None:
    for found in connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE):
        if found.name() == pool:
            refresh(found)


def _volumes(
    connection: libvirt.virConnect, pools: dict[str, Pool], wanted: Collection[VolumeRef]
) -> dict[VolumeRef, Volume]:
    usable = [ref for ref in wanted if ref.pool in pools and pools[ref.pool].active]
    found = {ref: find_volume(connection, ref) for ref in usable}
    return {ref: volume for ref, volume in found.items() if volume is not None}
