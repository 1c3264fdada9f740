"""The command that finds out a host's facts, and the reading of what it prints.

One command, because each over SSH costs about 350 ms. It changes nothing on the host. Its output is a line per fact,
`NAME VALUE…`; what is not such a line is passed over, and a fact whose line cannot be read stays unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable

from ferryman.fleet.host_facts import MIGRATION_PORTS, Clock, Folder, HostFacts, Peer, PeerFacts, Reach

OUTPUT_LIMIT_BYTES = 256 * 1024
_NS_PER_MS = 1_000_000
_LONGEST_WORDS = 300
_YES_NO = {"yes": True, "no": False}


def command(folders: Sequence[str], peers: Sequence[Peer]) -> list[str]:
    """What to run on the host."""
    script = (scripts() / "host_facts.sh").read_text()
    ports = (scripts() / "migration_ports.py").read_text()
    first_last = (str(MIGRATION_PORTS.start), str(MIGRATION_PORTS[-1]))
    towards = [part for peer in peers for part in (peer.uri, peer.address)]
    return ["sh", "-c", script, "host_facts", ports, *first_last, str(len(folders)), *folders, *towards]


def scripts() -> Traversable:
    """Where the texts are that run on hosts."""
    return resources.files("ferryman.fleet") / "scripts"


def parse(
    host: str, output: str, folders: Sequence[str], peers: Sequence[Peer], asked_ns: tuple[int, int]
) -> HostFacts:
    """What the command found. `asked_ns`: this machine's clock just before and just after it."""
    lines = [line.split() for line in output[:OUTPUT_LIMIT_BYTES].splitlines()]
    return HostFacts(
        host=host,
        by_ssh=True,
        user=_last(lines, "user"),
        acts_as_root=_YES_NO.get(_last(lines, "root") or ""),
        groups=_words(lines, "groups"),
        clock=_clock(lines, asked_ns),
        stp_bridges=_stp(lines),
        unprivileged_userfaultfd={"0": False, "1": True}.get(_last(lines, "userfaultfd") or ""),
        qemu_user=_last(lines, "qemu-user"),
        folders={path: _folder(lines, index) for index, path in enumerate(folders)},
        peers={peer.name: _peer(lines, index, peer) for index, peer in enumerate(peers)},
    )


def clock_between(began_ns: int, ended_ns: int, asked_ns: tuple[int, int]) -> Clock | None:
    """The host's clock, from when its command began and ended by it, and by ours; None where that is nonsense.

    The same sum as NTP's. Example: begun at 10.200 s and ended at 10.300 s there, asked from 5.000 to 5.400 s here:
    ahead by between 10.300 - 5.400 = 4.900 s and 10.200 - 5.000 = 5.200 s, so 5,050 ms, give or take 150 ms.
    """
    before_ns, after_ns = asked_ns
    least, most = ended_ns - after_ns, began_ns - before_ns
    if most < least:
        return None
    return Clock(ahead_ms=(least + most) // 2 // _NS_PER_MS, error_ms=(most - least) // 2 // _NS_PER_MS + 1)


def _clock(lines: Sequence[Sequence[str]], asked_ns: tuple[int, int]) -> Clock | None:
    began, ended = _number(_last(lines, "began")), _number(_last(lines, "ended"))
    return None if began is None or ended is None else clock_between(began, ended, asked_ns)


def _stp(lines: Sequence[Sequence[str]]) -> frozenset[str] | None:
    """None where the listing's end is not there: it may have been cut."""
    if _last(lines, "bridges") != "all":
        return None
    return frozenset(line[1] for line in lines if len(line) == 3 and line[0] == "stp" and line[2] != "0")


def _folder(lines: Sequence[Sequence[str]], index: int) -> Folder:
    kind = [line[2] for line in lines if len(line) == 3 and line[:2] == ["filesystem", str(index)]]
    access = [line[2] for line in lines if len(line) == 3 and line[:2] == ["access", str(index)]]
    return Folder(file_system=kind[-1] if kind else "", open_to_qemu=_YES_NO.get(access[-1] if access else ""))


def _peer(lines: Sequence[Sequence[str]], index: int, peer: Peer) -> PeerFacts:
    tries = [line[2:] for line in lines if line[:2] == ["libvirtd", str(index)] and len(line) > 2]
    ports = [line[2:] for line in lines if line[:2] == ["closed-ports", str(index)]]
    last = tries[-1] if tries else ["unknown"]
    reach = Reach(last[0]) if last[0] in frozenset(Reach) else Reach.UNKNOWN
    closed = [_number(port) for port in ports[-1]] if ports else []
    sound = ports and all(port in MIGRATION_PORTS for port in closed)
    return PeerFacts(
        uri=peer.uri,
        libvirtd=reach,
        says=" ".join(last[1:])[:_LONGEST_WORDS] if reach is Reach.FAILED else "",
        closed_ports=tuple(port for port in closed if port is not None) if sound else None,
    )


def _last(lines: Sequence[Sequence[str]], name: str) -> str | None:
    """The value of the last line of this name, where that is one word."""
    found = [line for line in lines if line and line[0] == name]
    return found[-1][1] if found and len(found[-1]) == 2 else None


def _words(lines: Sequence[Sequence[str]], name: str) -> frozenset[str] | None:
    found = [line[1:] for line in lines if line and line[0] == name]
    return frozenset(found[-1]) if found else None


def _number(text: str | None) -> int | None:
    """ASCII digits only, and no more than a time in ns has."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else None
