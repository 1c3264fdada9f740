"""The way between both hosts: what only commands on them can tell. What is unknown stands against nothing."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from ferryman.fleet.host_facts import MIGRATION_PORTS, HostFacts, PeerFacts, Reach
from ferryman.planning.findings import Finding, FindingCode
from ferryman.planning.modes import ImageCopy
from ferryman.planning.plans import DiskPlan, DiskTransfer
from ferryman.planning.preflight.ends import ReadEnds, blocker, warning

_CLOCKS_MAY_DIFFER_MS = 2000
_ALL_PORTS = f"{MIGRATION_PORTS.start}-{MIGRATION_PORTS[-1]}"
_NO_CONNECTION = ("timed out", "No route", "refused", "unreachable")
"""What ssh says where no server answers."""
_MEMORY_FOLLOWS_ALLOWED = "vm.unprivileged_userfaultfd"


def way_findings(ends: ReadEnds) -> list[Finding]:
    """Clocks, ports, libvirtd to libvirtd, post-copy."""
    here, there = ends.source_facts, ends.destination_facts
    return [
        *clock_findings(here, there),
        *libvirtd_findings(here, there.host or ends.destination.reading.host),
        *port_findings(here, there.host or ends.destination.reading.host),
        *userfaultfd_findings(there),
        *root_findings(there),
    ]


def clock_findings(here: HostFacts, there: HostFacts) -> list[Finding]:
    """Clocks that are apart for certain: by more than 2 s and what the two readings may be wrong by."""
    if here.clock is None or there.clock is None:
        return []
    apart_ms = abs(there.clock.ahead_ms - here.clock.ahead_ms)
    if apart_ms - here.clock.error_ms - there.clock.error_ms <= _CLOCKS_MAY_DIFFER_MS:
        return []
    late = there if there.clock.ahead_ms < here.clock.ahead_ms else here
    return [
        warning(
            FindingCode.CLOCKS_APART,
            f"the clocks of {here.host} and {there.host} are {apart_ms / 1000:.1f} s apart; {late.host} is behind",
            "Have both follow the same time servers: timedatectl set-ntp true (on both)",
        )
    ]


def port_findings(here: HostFacts, there: str) -> list[Finding]:
    """Migration ports that a firewall holds back."""
    return _closed_ports(here, there, FindingCode.PORTS_CLOSED)


def cold_port_findings(ends: ReadEnds, disks: Sequence[DiskPlan], way: ImageCopy) -> list[Finding]:
    """The same for a cold move, where disks go from host to host; then they are served on these ports, too."""
    if way is ImageCopy.STREAM or not any(disk.transfer is DiskTransfer.COPY for disk in disks):
        return []
    there = ends.destination_facts.host or ends.destination.reading.host
    return _closed_ports(ends.source_facts, there, FindingCode.PORTS_CLOSED_COLD)


def _closed_ports(here: HostFacts, there: str, code: FindingCode) -> list[Finding]:
    closed = here.peer(there).closed_ports
    if not closed:
        return []
    rule = f"nft insert rule inet filter input ip saddr ADDRESS tcp dport {_ALL_PORTS} accept"
    return [
        blocker(
            code,
            f"{here.host} does not reach {there} on {_ranges(closed)}, where memory and disks are sent",
            f"Open them on {there} for {here.host}; with nftables, ADDRESS being {here.host}'s "
            f"(ip6 saddr, where that is an IPv6 one): {rule}",
        )
    ]


def libvirtd_findings(here: HostFacts, there: str) -> list[Finding]:
    """A live migration is peer-to-peer where the source's libvirtd reaches the destination's, as root."""
    unreached = libvirtd_unreached(here, there)
    if not unreached:
        return []
    return [
        warning(
            FindingCode.LIBVIRTD_UNREACHED,
            f"{unreached}; so the daemon drives live moves itself: if it dies in one, the move is cancelled and the VM "
            f"goes on at {here.host} (in the very moment of a switch to post-copy, the VM's memory is lost)",
            f"To have moves outlive the daemon: {_libvirtd_remedy(here.peer(there), here.host, there)}",
        )
    ]


def libvirtd_unreached(here: HostFacts, there: str) -> str:
    """Why a migration from here to there cannot be peer-to-peer; empty: nothing is known against it."""
    way = here.peer(there)
    if way.libvirtd is not Reach.FAILED:
        return ""
    return f"the libvirtd of {here.host} does not reach that of {there}: {way.says or 'no answer'}"


def _libvirtd_remedy(way: PeerFacts, here: str, there: str) -> str:
    """By what ssh or libvirt said."""
    url = urlsplit(way.uri)
    login = f"{url.username or 'root'}@{url.hostname}"
    port = f"-p {url.port} " if url.port else ""
    on = f"(on {here}, as root)"
    if "Host key verification failed" in way.says:
        return f"Compare the key by another way, then: ssh-keyscan {port}{url.hostname} >> /root/.ssh/known_hosts {on}"
    if "Permission denied" in way.says:
        return f"ssh-keygen -t ed25519 where there is no key yet, then: ssh-copy-id {port}{login} {on}"
    if "resolve" in way.says:
        return f"Add {url.hostname} to DNS or /etc/hosts of {here}, or name an address in {there}'s spec: peer_uri"
    if url.scheme.endswith("+ssh") and any(words in way.says for words in _NO_CONNECTION):
        return f"Open port {url.port or 22} for {here} in the firewall of {there}, and see: ssh {port}{login} true {on}"
    return f"See what fails: virsh -c '{way.uri}' list {on}"


def userfaultfd_findings(there: HostFacts) -> list[Finding]:
    """Without it QEMU cannot fetch a page that the guest is waiting for."""
    if there.unprivileged_userfaultfd is not False or there.qemu_user in (None, "root", "0"):
        return []
    return [
        blocker(
            FindingCode.USERFAULTFD_FORBIDDEN,
            f"on {there.host} QEMU runs as {there.qemu_user} and {_MEMORY_FOLLOWS_ALLOWED} is 0: no post-copy",
            f"echo {_MEMORY_FOLLOWS_ALLOWED}=1 > /etc/sysctl.d/60-qemu-postcopy.conf && sysctl --system "
            f"(on {there.host}), or allow another method.",
        )
    ]


def root_findings(there: HostFacts) -> list[Finding]:
    """A post-copy connection that broke is dropped at the destination by its kernel, for root only."""
    if there.acts_as_root is not False:
        return []
    return [
        warning(
            FindingCode.CONNECTION_UNMENDABLE,
            f"on {there.host} ferryman is {there.user}, without passwordless sudo: if a post-copy connection breaks, "
            "it cannot be dropped there and made anew, and the guest may stand still until somebody does so",
            granting_root(there),
        )
    ]


def serves_images(ends: ReadEnds) -> bool:
    """Whether nothing speaks against serving a cold move's disks, which only root can."""
    return all(facts.acts_as_root is not False for facts in (ends.source_facts, ends.destination_facts))


def serving_findings(ends: ReadEnds, disks: Sequence[DiskPlan]) -> list[Finding]:
    """A cold move's disks are copied all the same, while the VM is off."""
    if not any(disk.transfer is DiskTransfer.COPY for disk in disks):
        return []
    return [
        warning(
            FindingCode.IMAGES_UNSERVED,
            f"on {facts.host} ferryman is {facts.user}, without passwordless sudo: disks are copied through ferryman, "
            "while the VM is off, and not from host to host while it still runs",
            granting_root(facts),
        )
        for facts in (ends.source_facts, ends.destination_facts)
        if facts.acts_as_root is False
    ]


def granting_root(facts: HostFacts) -> str:
    """What lets ferryman's user there run commands as root."""
    allow = f"echo '{facts.user} ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/ferryman"
    return f"{allow} (on {facts.host}), or let the SSH user be root."


def _ranges(ports: Sequence[int]) -> str:
    """49152, 49153, 49154, 49200 as "TCP 49152-49154, 49200"."""
    runs: list[list[int]] = []
    for port in sorted(ports):
        if runs and port == runs[-1][-1] + 1:
            runs[-1].append(port)
        else:
            runs.append([port])
    return "TCP " + ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
