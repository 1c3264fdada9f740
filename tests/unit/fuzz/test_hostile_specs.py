"""A repository's content is hostile until it is validated: whatever is in it, it is refused file by file, and soon."""

from __future__ import annotations

import re
import string

from fuzzing import effort, soon, texts
from hypothesis import example, given
from hypothesis import strategies as st

from ferryman.fleet.ssh.command import ssh_command
from ferryman.specs.commits import batch_objects, revision_of, tree_entries
from ferryman.specs.fields import uri_host
from ferryman.specs.folder import blob_id
from ferryman.specs.loading import Held, ParseCache, Specs, load
from ferryman.specs.source import Revision, RevisionKind, SpecFile, Tree

HOST = b'name = "tallinn"\nuri = "qemu+ssh://root@tallinn/system"\n'
KEYS = st.sampled_from(
    ["name", "host", "uri", "method", "max_downtime_ms", "probe", "address", "port", "storage", "pools", "allow"]
) | st.text(alphabet=string.ascii_letters + "_-", min_size=1, max_size=12)
VALUES = st.recursive(
    texts.map(lambda text: f'"{text}"')
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["true", "1979-05-27T07:32:00Z", "0x", "nan", '"""', "''", "1e999", "9" * 5_000]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.tuples(KEYS, inner).map(lambda pair: f"{{ {pair[0]} = {pair[1]} }}")
    ),
    max_leaves=12,
)
LINES = (
    st.tuples(st.lists(KEYS, min_size=1, max_size=4), VALUES).map(lambda pair: f"{'.'.join(pair[0])} = {pair[1]}")
    | KEYS.map(lambda key: f"[{key}]")
    | KEYS.map(lambda key: f"[[{key}]]")
    | texts
)
DOCUMENTS = st.lists(LINES, max_size=12).map(lambda lines: "\n".join(lines).encode("utf-8", "replace"))


class Bomb(bytes):
    """Too long to be shown."""

    def __repr__(self) -> str:
        return f"{self[:20]!r}… ({len(self)} bytes)"


BOMBS = st.sampled_from(
    [
        b"a" + b".a" * 16_000 + b" = 1\n",
        b"x = " + b"[" * 2_000 + b"]" * 2_000,
        b"x = " + b"{ a = " * 2_000,
        b'x = "' + b"a" * 1_000_000 + b'"',
        b"\n".join(b"[t%d]" % number for number in range(20_000)),
        b"x = " + b"9" * 100_000,
        b"\xff\xfe\0",
        b"x = '''" + b"'" * 100_000,
    ]
).map(Bomb)
NAMES = texts | st.from_regex(r"[A-Za-z0-9.-]{1,20}", fullmatch=True)
OPTIONS = st.lists(
    st.builds(
        "{}={}".format,
        st.sampled_from(["command", "Command", "c%6fmmand", "netcat", "no_verify", "keyfile", "mode", "socket"]),
        st.sampled_from(["1", "/tmp/x", "-oProxyCommand=x", "a b", "a%0ab"]),
    ),
    max_size=3,
).flatmap(lambda options: st.sampled_from("&;").map(lambda separator: separator.join(options)))
PATHS = st.sampled_from(
    ["fleet.toml", "hosts/a.toml", "vms/guest-01.toml", "vms/../hosts/b.toml", "hosts/.toml", "vms/-v.toml"]
) | texts.map(lambda text: f"vms/{text}.toml")


@effort
@given(files=st.dictionaries(PATHS, DOCUMENTS | BOMBS | st.binary(max_size=200), max_size=4))
def test_no_content_of_a_file_does_more_than_stall_or_hold(files: dict[str, bytes]) -> None:
    with soon():
        outcome = load(_tree(files | {"hosts/tallinn.toml": HOST}), None, ParseCache())
    assert isinstance(outcome, (Specs, Held))
    assert all(problem.message and problem.remedy for problem in outcome.problems)
    if isinstance(outcome, Specs):
        for name in (*outcome.vms, *outcome.hosts):
            assert name[0].isalnum()
            assert not set(name) & set("/\\\0\n ")


@effort
@given(
    name=NAMES,
    uri=texts | st.builds("qemu+ssh://{}/system?{}".format, NAMES, texts | OPTIONS),
    address=NAMES,
    hosts=texts | texts.map("/{}".format),
)
@example(name="a", uri="qemu+ssh://-oProxyCommand=x/system", address="-v", hosts="~/known")
@example(name="a", uri="qemu+ssh://a@-b/system", address="a", hosts="/etc/hosts")
@example(name="a", uri="qemu+ssh://a/system?command=/tmp/x", address="a", hosts="/etc/hosts")
@example(name="a", uri="qemu+ssh://a/system?=command", address="a", hosts="/etc/hosts")
@example(name="a", uri="qemu+ssh://;/system", address="a", hosts="/etc/hosts")
@example(name="a", uri="qemu+ssh://\ud7a4/system", address="a", hosts="/etc/hosts")
@example(name="a", uri="qemu+ssh://%2doProxyCommand=x@a/system", address="a", hosts="/etc/hosts")
@example(name="a", uri="qemu+ssh://a%20b/system", address="a", hosts="/etc/hosts")
def test_no_host_becomes_an_option_or_a_program(name: str, uri: str, address: str, hosts: str) -> None:
    fields = {"name": name, "uri": uri, "migration_address": address}
    text = "".join(f"{key} = {_quoted(value)}\n" for key, value in fields.items())
    text += f"[ssh]\nknown_hosts = {_quoted(hosts)}\n"
    outcome = load(_tree({f"hosts/{name}.toml": text.encode("utf-8", "replace")}), None, ParseCache())
    assert outcome.problems or isinstance(outcome, Specs)
    for host in outcome.hosts.values() if isinstance(outcome, Specs) else ():
        for word in (uri_host(host.uri), host.effective_migration_address, host.name):
            assert word
            assert not word.startswith("-")
            assert word.isascii()
            assert word.isprintable()
            assert not set(word) & set(" ;$`|&<>'\"\\")
        assert not re.search("command|netcat|verify", host.uri, re.IGNORECASE)
        if host.ssh.known_hosts:
            program = ssh_command(host.name, host.ssh.known_hosts).read_text()
            assert len(program.splitlines()) == 2, "one command, whatever the file is called"


@effort
@given(output=st.binary(max_size=200))
def test_what_git_prints_of_a_commit_is_never_more_than_text(output: bytes) -> None:
    revision = revision_of("0" * 40, output)
    assert "\n" not in revision.subject
    assert revision.id == "0" * 40


@effort
@given(names=st.lists(st.binary(min_size=1, max_size=60).filter(lambda name: b"\0" not in name), max_size=5))
def test_any_name_in_a_tree_is_read_back_as_one_entry(names: list[bytes]) -> None:
    listed = b"".join(b"100644 blob " + b"a" * 40 + b"      12\t" + name + b"\0" for name in names)
    assert len(tree_entries(listed)) == len(names)
    content = b"".join(b"%040d blob %d\n%s\n" % (number, len(name), name) for number, name in enumerate(names))
    wanted = [f"{number:040d}" for number in range(len(names))]
    assert list(batch_objects(content, wanted).values()) == names


def _tree(files: dict[str, bytes]) -> Tree:
    return Tree(
        revision=Revision(id="one", short="one", author="", subject="", kind=RevisionKind.GIT),
        files={path: SpecFile(path=path, blob_id=blob_id(text), content=text) for path, text in files.items()},
        refused={},
    )


def _quoted(text: str) -> str:
    escaped = "".join(char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08X}" for char in text)
    return f'"{escaped}"'
