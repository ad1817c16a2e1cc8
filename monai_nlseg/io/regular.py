"""Check that a file is a regular one: pipes, sockets and devices would hold a reader for ever."""

from __future__ import annotations

import os
import stat

SPECIAL = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_regular_file(path: str | os.PathLike[str]) -> int:
    """Return the size of a regular file in bytes, without opening it; links are followed.

    Args:
        path: path of the file.

    Raises:
        ValueError: if it does not exist, cannot be reached, or is a folder, named pipe, socket or device.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"'{path}' does not exist: restore it or leave the case out.") from None
    except OSError as error:
        raise ValueError(f"'{path}' cannot be opened ({error.strerror}): check name and permissions.") from None
    except ValueError:  # a NUL
        raise ValueError(f"{ascii(str(path))} holds the character NUL: give the path of a file.") from None
    if kind := SPECIAL.get(stat.S_IFMT(found.st_mode)):
        raise ValueError(f"'{path}' is {kind}, not a regular file: give a file or leave the case out.")
    return found.st_size


def refuse_special_file(path: str | os.PathLike[str]) -> None:
    """Refuse files that would hold a reader for ever; missing files and folders are left to ``open()``.

    Args:
        path: path of the file.

    Raises:
        ValueError: for a named pipe, a socket or a device.
    """
    if os.path.exists(path) and not os.path.isdir(path):
        require_regular_file(path)
