"""How much is tried, and what hostile text is made of."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

SOAK = "FERRYMAN_SOAK" in os.environ
"""Other cases at each run, and 100,000 of them in all; else always the same few thousand."""
_CASES = 8_500 if SOAK else 200

effort = settings(
    max_examples=_CASES,
    deadline=None,
    derandomize=not SOAK,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
_SOON_S = 1.0


@contextmanager
def soon() -> Iterator[None]:
    """No single case may take a second of this thread's processor time, however busy the machine is."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < _SOON_S


NASTY = st.sampled_from(
    [
        "",
        "-oProxyCommand=touch /tmp/owned",
        "--upload-pack=touch /tmp/owned",
        "../../../etc/passwd",
        "a/../../b",
        "/etc/shadow",
        ".git",
        "name\n[evil]",
        "$(reboot)",
        "`reboot`",
        "; reboot",
        "a\0b",
        "%s%n",
        "\u202egnp.exe",
        "\ud7ff\ue000",
        "x" * 5_000,
        "é" * 200,
        "\x1b[2J\x1b]0;owned\x07",
        "]]>",
        "&xxe;",
        "<script>",
    ]
)
texts = st.text(max_size=40) | NASTY
