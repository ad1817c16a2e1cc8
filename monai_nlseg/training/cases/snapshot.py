"""A record of the files of a run, by which changes are noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from monai_nlseg.io.files import file_digest, written_beside
from monai_nlseg.io.reasons import reason
from monai_nlseg.io.sealed import sealed, unsealed
from monai_nlseg.io.volumes.header_files import files_of
from monai_nlseg.training.cases.case import TrainingCase


@dataclass(frozen=True)
class FileState:
    """A file at one time.

    Attributes:
        size: bytes.
        modified: time of the last change in nanoseconds.
        sha256: digest of its content.
    """

    size: int
    modified: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    """The files of cases at one time.

    Attributes:
        files: absolute path -> its state; of two-file formats both files.
    """

    files: Mapping[str, FileState]

    def changes(self, cases: Sequence[TrainingCase]) -> list[str]:
        """Return a sentence for each file that has changed since, and each that has come or gone.

        A file of the same size and time is taken as unchanged. One with another time is read: if its content is the
        same, as after copying, nothing is said.

        Args:
            cases: the cases of now.
        """
        now = _files(cases)
        return [
            *(f"'{path}' was not there when the run began." for path in now if path not in self.files),
            *(f"'{path}' belonged to the run, and now to no case." for path in self.files if path not in set(now)),
            *(found for path in now if path in self.files and (found := _change(path, self.files[path]))),
        ]

    def write(self, path: Path) -> None:
        """Write the snapshot as JSON.

        Args:
            path: the file, which is replaced.
        """
        content = {"files": {name: asdict(state) for name, state in self.files.items()}}
        with written_beside(path) as beside:
            beside.write_text(sealed(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Snapshot:
        """Read a snapshot.

        Args:
            path: the file.

        Raises:
            ValueError: if it is damaged.
        """
        try:
            content, _ = unsealed(path.read_text(encoding="utf-8"))
            return cls({name: FileState(**state) for name, state in content["files"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"'{path}' is damaged ({error}): restore it, or start another run.") from None


def take(cases: Sequence[TrainingCase]) -> Snapshot:
    """Return a snapshot of the files of cases, which are all read once.

    Args:
        cases: the cases.

    Raises:
        ValueError: for a file that cannot be read.
    """
    return Snapshot({path: _state(path) for path in _files(cases)})


def _files(cases: Sequence[TrainingCase]) -> list[str]:
    return sorted({path for case in cases for path in files_of((*case.images, *case.labels))})


def _state(path: str) -> FileState:
    try:
        about = Path(path).stat()
        return FileState(about.st_size, about.st_mtime_ns, file_digest(Path(path)))
    except OSError as error:
        raise ValueError(f"'{path}' cannot be read ({reason(error)}): restore it or leave the case out.") from None


def _change(path: str, before: FileState) -> str | None:
    try:
        about = Path(path).stat()
        if about.st_size != before.size:
            return f"'{path}' had {before.size} bytes when the run began, and has {about.st_size} now."
        if about.st_mtime_ns != before.modified and file_digest(Path(path)) != before.sha256:
            return f"'{path}' has other content than when the run began."
    except OSError as error:
        return f"'{path}' cannot be read any more ({reason(error)})."
    return None
