"""A git repository of specs, as a user has one."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from running import RunningLab


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecsRepository:
    """A git repository of specs, as a user has one."""

    folder: Path

    @classmethod
    def of_lab(cls, lab: RunningLab, folder: Path, *vms: str) -> SpecsRepository:
        """The lab's own fleet with these VMs, each wanted where it is now; committed.

        Without encryption, whose handshakes take 0.6 s of every move, and live only: a test that is about TLS or cold
        moves says so in its VM's spec.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(lab.folder / "specs", folder)
        repository = cls(folder=folder)
        for path in (folder / "vms").glob("*.toml"):
            if path.stem not in vms:
                path.unlink()
        for vm in vms:
            (home,) = lab.whereabouts(vm)
            file = f"vms/{vm}.toml"
            before = next(line for line in repository.read(file).splitlines() if line.startswith("host = "))
            repository.replace(file, before, f'host = "{home}"')
            repository.replace(file, 'allow = ["live", "cold"]', 'allow = ["live"]')
        repository.write("fleet.toml", repository.read("fleet.toml") + '\n[defaults]\nencryption = "off"\n')
        repository.git("init", "--quiet", "--initial-branch=main")
        repository.commit("The fleet as it is")
        return repository

    def git(self, *arguments: str) -> str:
        """Run git there as one fixed person; it must succeed."""
        me = ["-c", "user.name=Tester", "-c", "user.email=tester@localhost"]
        done = subprocess.run(
            ["git", "-C", str(self.folder), *me, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def read(self, file: str) -> str:
        """A file of the working tree."""
        return (self.folder / file).read_text()

    def write(self, file: str, text: str) -> None:
        """Edit the working tree only."""
        (self.folder / file).write_text(text)

    def replace(self, file: str, before: str, after: str) -> None:
        """Edit one place of one file in the working tree only."""
        text = self.read(file)
        assert text.count(before) == 1, f"{before!r} in {text}"
        self.write(file, text.replace(before, after))

    def append(self, file: str, text: str) -> None:
        """Add to the end of a file in the working tree only."""
        self.write(file, self.read(file) + text)

    def home(self, vm: str) -> str:
        """The host that the working tree wants the VM on."""
        return str(tomllib.loads(self.read(f"vms/{vm}.toml"))["host"])

    def commit(self, message: str) -> str:
        """Commit all edits; the revision."""
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")
        return self.git("rev-parse", "HEAD")

    def place(self, vm: str, host: str) -> str:
        """Commit that this VM is to be on that host, unless that is so already; the revision."""
        return self.move(vm, host) if self.home(vm) != host else self.git("rev-parse", "HEAD")

    def move(self, vm: str, host: str) -> str:
        """Commit that this VM is to be on that host; the revision."""
        self.replace(f"vms/{vm}.toml", f'host = "{self.home(vm)}"', f'host = "{host}"')
        return self.commit(f"Move {vm} to {host}")

    def maintain(self, host: str) -> str:
        """Commit that this host is in maintenance; the revision."""
        self.replace(f"hosts/{host}.toml", f'name = "{host}"\n', f'name = "{host}"\nmaintenance = true\n')
        return self.commit(f"Maintenance of {host}")
