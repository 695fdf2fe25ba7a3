"""Where a pod's files are on this machine, and which of its paths stand for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .manifest import TERMINATION_LOG, Container


@dataclass(frozen=True, slots=True)
class PodFolder:
    """A pod's own folder. Names in it are DNS labels, checked when the Job was created."""

    root: Path

    @property
    def work(self) -> Path:
        """The home and working folder of its containers."""
        return self.root / "work"

    @property
    def temporary(self) -> Path:
        """Its TMPDIR."""
        return self.root / "tmp"

    def volume(self, name: str) -> Path:
        """What stands for a volume."""
        return self.root / "volumes" / name

    def log(self, container: str, run: int) -> Path:
        """The output of a container's run, from 0."""
        return self.root / "logs" / f"{container}.{run}.log"

    def termination(self, container: str) -> Path:
        """What stands for a container's termination log."""
        return self.root / "termination" / container

    def make(self, containers: Iterable[str], volumes: Iterable[str]) -> None:
        """Make it, for us alone."""
        for folder in (self.work, self.temporary, self.root / "logs", self.root / "termination"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for container in containers:
            self.termination(container).touch()
        for name in volumes:
            self.volume(name).mkdir(mode=0o700, parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Paths:
    """A container's paths: a process cannot be given mounts, so what names a mounted path is changed instead.

    Attributes:
        mounts: (path in the container, path on this machine), the longest first.
    """

    mounts: Sequence[tuple[str, Path]]
    work: Path

    @classmethod
    def of(cls, container: Container, folder: PodFolder) -> Paths:
        """The paths of a container: its mounts and its termination log."""
        mounts = {
            mount.mount_path.rstrip("/") or "/": folder.volume(mount.name) / mount.sub_path
            for mount in container.volume_mounts or ()
        }
        mounts[container.termination_message_path or TERMINATION_LOG] = folder.termination(container.name)
        return cls(sorted(mounts.items(), key=lambda pair: -len(pair[0])), folder.work)

    def translate(self, text: str) -> str:
        """Change a text that is a mounted path, or one below it; leave any other."""
        for path, real in self.mounts:
            if text == path or text.startswith(f"{path.rstrip('/')}/"):
                return str(real) + text[len(path.rstrip("/")) :]
        return text

    def working_folder(self, asked: str | None) -> Path:
        """Where a container starts: a mount, a folder of this machine where there is one, else one of the pod's own."""
        if not asked:
            return self.work
        translated = Path(self.translate(asked))
        if not translated.is_absolute() or not translated.is_dir():
            parts = [part for part in Path(asked).parts if part not in {"/", ".."}]
            translated = self.work.joinpath(*parts)
            translated.mkdir(parents=True, exist_ok=True)
        return translated
