"""A program that is run to its end within bounds: of time, and of what it prints. Beyond them it is killed."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

_CHUNK_BYTES = 64 * 1024
_MOST_OF_STDERR = 64 * 1024


class TooSlowError(Exception):
    """It did not end in time."""


class TooMuchError(Exception):
    """It printed more than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A program that ended by itself."""

    code: int
    stdout: bytes
    stderr: bytes


def run_bounded(
    command: Sequence[str], *, stdin: bytes, environment: Mapping[str, str], timeout_s: float, most_bytes: int
) -> Done:
    """Run a program, feed it `stdin`, and take at most `most_bytes` of its output.

    Raises TooSlowError and TooMuchError once it is killed, OSError where it cannot be started.
    """
    with _file_of(stdin) as source:
        process = subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    with _streams(process) as (stdout, stderr):
        try:
            taken = _taken(stdout, stderr, time.monotonic() + timeout_s, most_bytes)
            code = process.wait(timeout_s)
        except BaseException as error:
            # With all that it has started, which may hold git's locks. It is not reaped yet: the number is its own.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise TooSlowError from error
            raise
    return Done(code=code, stdout=taken[0], stderr=taken[1])


def _taken(stdout: IO[bytes], stderr: IO[bytes], deadline_s: float, most_bytes: int) -> tuple[bytes, bytes]:
    """All of both streams, up to the bounds."""
    found = {stdout: bytearray(), stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in found:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline_s - time.monotonic()))
            if not ready:
                raise TooSlowError
            for key, _ in ready:
                stream = stdout if key.fileobj is stdout else stderr
                chunk = os.read(stream.fileno(), _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(stream)
                elif stream is stdout or len(found[stderr]) < _MOST_OF_STDERR:
                    found[stream] += chunk
            if len(found[stdout]) > most_bytes:
                raise TooMuchError
            if time.monotonic() > deadline_s:
                raise TooSlowError
    return bytes(found[stdout]), bytes(found[stderr])


@contextmanager
def _streams(process: subprocess.Popen[bytes]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    if process.stdout is None or process.stderr is None:
        raise AssertionError("both were asked for")
    with process.stdout as stdout, process.stderr as stderr:
        yield stdout, stderr


def _file_of(content: bytes) -> IO[bytes]:
    """In memory: a pipe would have to be fed while the output is read."""
    file = os.fdopen(os.memfd_create("stdin"), "r+b")
    file.write(content)
    file.seek(0)
    return file
