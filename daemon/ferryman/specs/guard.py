"""Hostile or broken bytes are refused before any TOML parser sees them.

tomllib takes seconds for one key of thousands of parts and runs out of stack on nested arrays, so size,
key parts and depth are capped first, by one linear pass over the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ferryman.specs.problems import Problem, ProblemCode

MAX_BYTES = 256 * 1024
MAX_KEY_PARTS = 32
MAX_DEPTH = 32
MAX_WORD_CHARACTERS = 512
"""Of one bare word: also keeps numbers below Python's limit on digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is refused beyond; as they stand, those of a spec."""

    size_bytes: int = MAX_BYTES
    tokens: int = 4096
    """A spec has some hundreds; this bounds the time that parsing takes."""
    text_characters: int = 8192
    """Of one text in quotes."""


SPEC_LIMITS = Limits()

# Every alternative begins with another character, so that matching is linear. An unterminated string
# swallows the rest of its line (or text): tomllib refuses it at that very place.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:"{3,5})?'
    r"|'''(?:[^']|'(?!''))*(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\[^\n])*"?'
    r"|'[^'\n]*'?"
    r"|\#[^\n]*"
    r"|[ \t\r]+"
    r"|[^\s\"'\#\[\]{}=,.]+"
    r"|.",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of TOML text: a string, a bare word, or one of `[]{}=,.` and newline."""

    text: str
    line: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens in order, without blanks and comments; `text` has plain newlines only."""
    line = 1
    for match in _TOKEN.finditer(text):
        found = match.group()
        if found[0] not in " \t\r#":
            yield Token(text=found, line=line)
        line += found.count("\n")


def guarded_text(file: str, content: bytes, limits: Limits = SPEC_LIMITS) -> str | Problem:
    """The text of a file that is safe to parse, or why it is not."""
    if len(content) > limits.size_bytes:
        return too_large(file, limits.size_bytes)
    nul = content.find(b"\0")
    if nul >= 0:
        return _encoding(file, content, nul, "holds a NUL byte: this is not a text file")
    if content.startswith(b"\xef\xbb\xbf"):
        return _encoding(file, content, 0, "begins with a byte order mark")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _encoding(file, content, error.start, "is not UTF-8")
    text = text.replace("\r\n", "\n")
    return _complexity(file, text, limits) or text


def too_large(file: str, most_bytes: int = MAX_BYTES) -> Problem:
    """The problem of a file beyond the cap."""
    return Problem(
        file=file,
        code=ProblemCode.TOO_LARGE,
        message=f"is larger than {most_bytes // 1024} KiB",
        remedy="a spec is a few lines: check that the right file was committed",
    )


def _encoding(file: str, content: bytes, position: int, message: str) -> Problem:
    return Problem(
        file=file,
        line=content.count(b"\n", 0, position) + 1,
        code=ProblemCode.ENCODING,
        message=message,
        remedy="save the file as plain UTF-8 text",
    )


def _complexity(file: str, text: str, limits: Limits) -> Problem | None:
    """The first place where the text is larger in any way than a spec needs."""
    depth = dots = 0
    for count, token in enumerate(tokens(text), start=1):
        depth, dots = _counted(token.text, depth, dots)
        excess = (
            f"there are more than {limits.tokens} words and signs up to here"
            if count > limits.tokens
            else _excess(token.text, depth, dots, limits.text_characters)
        )
        if excess:
            return Problem(
                file=file,
                line=token.line,
                code=ProblemCode.TOO_COMPLEX,
                message=excess,
                remedy="no spec needs this: compare it with the examples",
            )
    return None


def _counted(token: str, depth: int, dots: int) -> tuple[int, int]:
    """How many brackets are open, and how many dots the key has, after this token."""
    match token:
        case ".":
            return depth, dots + 1
        case "[" | "{":
            return depth + 1, 0
        case "]" | "}":
            return max(0, depth - 1), 0
        case "\n" | "=" | ",":
            return depth, 0
        case _:
            return depth, dots


def _excess(token: str, depth: int, dots: int, most_characters: int) -> str | None:
    """Which cap is exceeded, in words."""
    quoted = token[0] in "\"'"
    if dots >= MAX_KEY_PARTS:
        return f"a key has more than {MAX_KEY_PARTS} parts"
    if depth > MAX_DEPTH:
        return f"values are nested more than {MAX_DEPTH} deep"
    if len(token) > (most_characters if quoted else MAX_WORD_CHARACTERS):
        return f"{token[:20]}… is too long"
    return None
