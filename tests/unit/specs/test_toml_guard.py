"""Whatever the bytes, the answer is a table or a problem: never an exception, never a long wait."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.specs.guard import MAX_BYTES, MAX_DEPTH, MAX_KEY_PARTS, SPEC_LIMITS, tokens
from ferryman.specs.parsing import Table, build, parse
from ferryman.specs.problems import Problem, ProblemCode
from ferryman.specs.vm_spec import VmSpec

FILE = "vms/guest-01.toml"


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"# " + b"x" * MAX_BYTES, ProblemCode.TOO_LARGE, 0),
        (b"a = 1\nb = \0", ProblemCode.ENCODING, 2),
        (b"a = 1\n\nb = '\xff'", ProblemCode.ENCODING, 3),
        (b"\xef\xbb\xbfa = 1", ProblemCode.ENCODING, 1),
        (b".".join([b"a"] * 16_000) + b" = 1", ProblemCode.TOO_COMPLEX, 1),
        (b"a = 1\n[" + b" . ".join([b'"a"'] * (MAX_KEY_PARTS + 1)) + b"]", ProblemCode.TOO_COMPLEX, 2),
        (b"a = " + b"[" * 2000 + b"]" * 2000, ProblemCode.TOO_COMPLEX, 1),
        (b"a = " + b"{a = " * (MAX_DEPTH + 1), ProblemCode.TOO_COMPLEX, 1),
        (b"a = [" + b"1," * SPEC_LIMITS.tokens + b"]", ProblemCode.TOO_COMPLEX, 1),
        (b"a = " + b"9" * 5000, ProblemCode.TOO_COMPLEX, 1),
        (b'a = """' + b"x" * SPEC_LIMITS.text_characters + b'"""', ProblemCode.TOO_COMPLEX, 1),
    ],
    ids=["size", "nul", "latin-1", "bom", "key", "header", "arrays", "tables", "tokens", "digits", "text"],
)
def test_hostile_bytes_are_refused_before_they_are_parsed(content: bytes, code: ProblemCode, line: int) -> None:
    problem = parse(FILE, content)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.line) == (code, line)
    assert problem.remedy


def test_what_is_inside_strings_and_comments_is_not_counted() -> None:
    dots, brackets = "." * 100, "[" * 100
    text = f"""
# {dots} {brackets}
"a{dots}{brackets}" = '{dots}'
b = '''
{brackets}'{dots}'''''
c = \"\"\"\\\"{brackets}
\"\"{dots}\"\"\"\"\"
"""
    table = parse(FILE, text.encode())
    assert isinstance(table, Table)
    assert table.values == tomllib.loads(text)
    assert table.lines[("c",)] == 6


def test_the_caps_themselves_are_allowed() -> None:
    key = ".".join(["a"] * MAX_KEY_PARTS)
    nested = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert isinstance(parse(FILE, f"{key} = 1\nb = {nested}".encode()), Table)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value(content: bytes) -> None:
    assert isinstance(parse(FILE, content), (Table, Problem))


_SIGNS = ["=", " = ", ".", ",", "\n", "\r\n", "[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "'''", "\\", "#", " "]
_WORDS = ["a", "name", "host", "probe", "1", "-0.5", "1e9", "0xff", "true", "1979-05-27", "07:32:00", "é", "\x7f"]
_PIECES = st.sampled_from([*_SIGNS, *_WORDS])


@given(st.lists(_PIECES, max_size=40))
def test_any_arrangement_of_tomls_own_signs_gives_a_value(pieces: list[str]) -> None:
    table = parse(FILE, "".join(pieces).encode())
    assert isinstance(table, (Table, Problem))
    if isinstance(table, Table):
        build(table, VmSpec)


_LINES = st.lists(
    st.sampled_from(
        [
            "a = 1",
            'b.c = "x.y"',
            "d = [1, [2, 3],\n  {e = 4}, # last\n]",
            "[t]",
            "[[u]]",
            "[u.v]",
            "[[u.w]]",
            "f = { g = 1.5, h.i = 1979-05-27 07:32:00 }",
            "j = '''\n[not.a.header]\nk = 1\n'''",
        ]
    ),
    max_size=8,
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    match value:
        case dict():
            children = list(value.items())
        case list():
            children = list(enumerate(value))
        case _:
            children = []
    return {path} | {found for key, child in children for found in _paths(child, (*path, key))}


@given(_LINES)
def test_the_index_knows_the_line_of_exactly_the_keys_that_tomllib_finds(lines: list[str]) -> None:
    table = parse(FILE, "\n".join(lines).encode())
    if isinstance(table, Table):
        assert set(table.lines) == _paths(dict(table.values)) - {()}


@given(st.text(max_size=200))
def test_tokens_lose_no_line(text: str) -> None:
    for token in tokens(text):
        assert 1 <= token.line <= text.count("\n") + 1
