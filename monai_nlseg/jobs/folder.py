"""A folder that one run at a time works in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from monai_nlseg.io.files import remove_leftovers
from monai_nlseg.jobs.refusal import refused

LOCK = Path(".nlseg", "lock")


@contextmanager
def one_run_in(*folders: Path, begins: Sequence[str] = ()) -> Iterator[None]:
    """Make folders, remove what killed runs have left in them, and keep other runs out meanwhile.

    If the run ends with an error before it has written anything, what was made for it is removed.

    Args:
        folders: folders of the run; they may be the same.
        begins: names of files that the run makes, empty, in each folder before it writes anything.

    Raises:
        ValueError: if another run is at work in one of them, or one cannot be written.
    """
    folders = tuple({folder.resolve(): folder for folder in folders}.values())
    made = [place for folder in folders for place in _places(folder, begins) if not place.exists()]
    with ExitStack() as stack:
        for folder in folders:
            try:
                (folder / LOCK).parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(folder / LOCK, timeout=0))
                remove_leftovers(folder)
            except Timeout:
                raise ValueError(
                    f"another run is at work in '{folder}': wait for its end, or give another folder."
                ) from None
            except OSError as error:
                raise ValueError(refused(error)) from None
        try:
            yield
        except Exception:
            for place in made:
                _remove_empty(place)
            raise


def _places(folder: Path, begins: Sequence[str]) -> list[Path]:
    """Return the files and folders that a run makes first, those in a folder before the folder."""
    files = [folder / name for name in begins]
    return [*files, folder / LOCK, (folder / LOCK).parent, folder, *folder.parents]


def _remove_empty(place: Path) -> None:
    """Remove a file or folder that is empty; leave others as they are."""
    with contextlib.suppress(OSError):  # it is gone, or holds something by now
        if place.is_dir():
            place.rmdir()
        elif place.stat().st_size == 0:
            place.unlink()
