"""A fake host's NVRAM and TPM files."""

from __future__ import annotations

import json
from collections.abc import Collection

from ferryman.fleet.fake.faults import Faults, Operation


class FakeMachineFiles:
    """`MachineFiles` in memory."""

    def __init__(self, faults: Faults) -> None:
        self.known: dict[str, str] = {}
        """Path -> content."""
        self._faults = faults

    def absent(self, paths: Collection[str]) -> frozenset[str]:
        """Those that the host does not have."""
        with self._faults.call(Operation.ABSENT_FILES):
            return frozenset(path for path in paths if not self._below(path))

    def fetch(self, paths: Collection[str]) -> bytes:
        """Those that the host has."""
        with self._faults.call(Operation.FETCH_FILES):
            return json.dumps({file: self.known[file] for path in paths for file in self._below(path)}).encode()

    def store(self, archive: bytes) -> None:
        """Put them where they were."""
        with self._faults.call(Operation.STORE_FILES):
            self.known |= json.loads(archive or b"{}")

    def remove(self, paths: Collection[str]) -> None:
        """Remove them."""
        with self._faults.call(Operation.REMOVE_FILES):
            for file in [file for path in paths for file in self._below(path)]:
                self.known.pop(file, None)

    def _below(self, path: str) -> list[str]:
        """The file itself, or those in the folder."""
        return [file for file in self.known if file == path or file.startswith(f"{path}/")]
