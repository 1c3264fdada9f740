"""The state folder: what was observed of VMs and hosts, and the audit records. One writer at a time.

The hypervisors are the truth and this is memory: a folder that was deleted is simply begun anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from ferryman.records import atomic_files, rates, requests, toml_files
from ferryman.records import progress_files as live
from ferryman.records.audit.record import MigrationRecord, RemovalRecord
from ferryman.records.audit.samples import FOLDER as SAMPLES
from ferryman.records.errors import RecordError, RecordExistsError, StateError, StateUnwritableError
from ferryman.records.in_force import read_in_force
from ferryman.records.journal.journal import FOLDER as JOURNAL
from ferryman.records.journal.markers import FOLDER as MARKERS
from ferryman.records.lock import FolderLock
from ferryman.records.paths import HOSTS, MIGRATIONS, REMOVALS, VMS, StatePaths
from ferryman.records.state.messages import CommitMessage
from ferryman.records.state.repository import Commits, StateRepository
from ferryman.records.state.states import FleetState, HostState, VmState

T = TypeVar("T")


class StateStore:
    """An open state folder. Safe to use from several threads, as long as each VM has one writer."""

    def __init__(self, folder: Path, lock: FolderLock | None, history: Commits | None = None) -> None:
        """Use `open`. Without a lock it only reads."""
        self.folder = folder
        self.paths = StatePaths(folder)
        self._lock = lock
        self._history = history or StateRepository(folder)

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False, history: Commits | None = None) -> StateStore:
        """Open the folder; for writing, also make it, its repository, and clear what a crash left half done.

        Raises StateLockedError where another process writes there, StateUnwritableError where the system lets
        nobody write, HistoryError where its repository is damaged: in each case it can be opened read-only.
        """
        folder = folder.absolute()
        if read_only:
            return cls(folder, None, history)
        atomic_files.make_folder(folder)
        store = cls(folder, FolderLock.take(folder), history)
        try:
            store._begin()
        except StateError:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Let another process write. Nothing else is pending: every write was finished when it returned."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> StateStore:
        """The store itself; closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    @property
    def read_only(self) -> bool:
        """Whether every writing method raises StateUnwritableError."""
        return self._lock is None

    def vm_states(self) -> dict[str, VmState]:
        """Every readable `vms/NAME.toml`, by name."""
        return dict(self._list(VMS, VmState).values)

    def host_states(self) -> dict[str, HostState]:
        """Every readable `hosts/NAME.toml`, by name."""
        return dict(self._list(HOSTS, HostState).values)

    def fleet_state(self) -> FleetState:
        """`fleet.toml`; an empty state where it is not there or cannot be read."""
        try:
            return toml_files.read(self.paths.fleet, FleetState) if self.paths.fleet.exists() else FleetState()
        except RecordError:
            return FleetState()

    def damaged(self) -> tuple[RecordError, ...]:
        """The state files that cannot be read. Each is mended by being written anew."""
        return self._list(VMS, VmState).damaged + self._list(HOSTS, HostState).damaged + self._damaged_in_force()

    def write_vm(self, state: VmState) -> bool:
        """Write the VM's state; False where the file says just that."""
        return self._write(self.paths.vm(state.name), state)

    def write_fleet(self, state: FleetState) -> bool:
        """Write the fleet's state; False where the file says just that."""
        self._require_writer()
        return toml_files.write_if_changed(self.paths.fleet, state)

    def write_host(self, state: HostState) -> bool:
        """Write the host's state; False where the file says just that."""
        return self._write(self.paths.host(state.name), state)

    def remove_vm(self, name: str) -> bool:
        """Forget the state of a VM that left the specs, not its audit records. False where there was none."""
        self._require_writer()
        return atomic_files.remove(self.paths.vm(name))

    def remove_host(self, name: str) -> bool:
        """Forget the state of a host that left the specs; False where there was none."""
        self._require_writer()
        return atomic_files.remove(self.paths.host(name))

    def write_record(self, record: MigrationRecord) -> Path:
        """Write an audit record, once and for ever. The very same record again is taken for written.

        Raises RecordExistsError where another record has its id.
        """
        self._require_writer()
        return self._create(self.paths.record(record), record)

    def _create(self, path: Path, record: MigrationRecord | RemovalRecord) -> Path:
        content = toml_files.to_toml(record)
        if not atomic_files.create(path, content) and not _says(path, content):
            raise RecordExistsError(
                f"{path} exists and says something else; audit records never change.",
                "Give the attempt an id of its own; if the file is damaged, move it away first.",
            )
        return path

    def write_removal(self, removal: RemovalRecord) -> Path:
        """Write down a removal, once and for ever. Raises RecordExistsError where another has its id."""
        self._require_writer()
        return self._create(self.paths.removal(removal), removal)

    def commit(self, message: CommitMessage, files: Sequence[Path] | None = None) -> str | None:
        """Commit what was written, all of it or these files; see `History.commit`."""
        self._require_writer()
        return self._history.commit(message, files)

    def uncommitted(self, records: Iterable[MigrationRecord]) -> list[MigrationRecord]:
        """Those that no commit holds yet: their writer ended in between. Raises HistoryError."""
        self._require_writer()
        files = self._history.uncommitted(MIGRATIONS)
        return [record for record in records if self.paths.record(record) in files] if files else []

    def _begin(self) -> None:
        # This process holds the folder's lock: no other ferryman commits, and what locks git there a killed one left.
        self._history.unlock()
        self._history.prepare()
        months = (month for kind in (MIGRATIONS, REMOVALS) for month in (self.folder / kind).glob("*/*"))
        # There from the start: it is watched.
        atomic_files.make_folder(requests.folder_of(self.folder))
        for folder in (
            self.folder,
            self.folder / VMS,
            self.folder / HOSTS,
            self.folder / JOURNAL,
            self.folder / MARKERS,
            requests.folder_of(self.folder),
            self.folder / SAMPLES,
            *months,
        ):
            atomic_files.sweep(folder)
        live.clear_all(self.folder)
        rates.clear_rates(self.folder)
        self._history.pack()

    def _list(self, folder: str, kind: type[T]) -> toml_files.Listing[T]:
        return toml_files.read_all((self.folder / folder).glob("[!.]*.toml"), kind)

    def _damaged_in_force(self) -> tuple[RecordError, ...]:
        try:
            read_in_force(self.folder)
        except RecordError as error:
            return (error,)
        return ()

    def _write(self, path: Path, state: VmState | HostState) -> bool:
        self._require_writer()
        return toml_files.write_if_changed(path, state)

    def _require_writer(self) -> None:
        if self._lock is None:
            raise StateUnwritableError(
                f"{self.folder} was opened for reading only.",
                "Stop the other ferryman that writes there, then start this one again.",
            )


def _says(path: Path, content: bytes) -> bool:
    try:
        return toml_files.content(path) == content
    except RecordError:
        return False
