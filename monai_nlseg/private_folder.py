"""Folders and files that no other user of the machine can create, change or replace."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private_folder(folder: Path) -> None:
    """Create a folder, and its missing parents, that only this user can enter, whatever the umask.

    Args:
        folder: the folder; may exist.

    Raises:
        ValueError: if the folder does not pass :func:`require_private_folder`.
        OSError: if it cannot be created.
    """
    for missing in reversed([each for each in (folder, *folder.parents) if not os.path.lexists(each)]):
        missing.mkdir(mode=0o700, exist_ok=True)
    require_private_folder(folder)


def require_private_folder(folder: Path) -> None:
    """Refuse a folder that another user could write to or replace.

    The folder must pass :func:`require_private`. Each folder above it, and above the targets of links on the way, must
    belong to this user or to root. Others may write to these folders only if the sticky bit prevents them from renaming
    files of other users. On a system without user ids nothing is checked.

    Args:
        folder: the folder.

    Raises:
        ValueError: if one of these conditions does not hold.
        OSError: if the folder is missing or cannot be examined.
    """
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise ValueError(f"'{folder}' is a link or a file, expected a folder of your own: remove it.")
    require_private(folder)
    # The owner of a link can change its target, so the folders of the path as given are checked, too.
    for above in sorted({*folder.absolute().parents, *folder.resolve().parents}):
        try:
            require_private(above)
        except ValueError as error:
            if not _is_shared_safely(above.lstat()):
                raise ValueError(f"other users can replace the folder '{folder}': {error}") from None


def require_private(path: Path) -> None:
    """Refuse a file or folder that belongs to a user other than this one and root, or that others can write to.

    A link is examined itself, not its target. Its mode, which allows everything on most systems, is ignored.

    Args:
        path: the file or folder.

    Raises:
        ValueError: for such a file or folder.
        OSError: if it is missing or cannot be examined.
    """
    if not hasattr(os, "getuid"):
        return
    about = path.lstat()
    if about.st_uid not in (0, os.getuid()):
        raise ValueError(f"'{path}' belongs to user {about.st_uid}, expected you: remove it, or give another path.")
    if about.st_mode & OTHERS_WRITE and not stat.S_ISLNK(about.st_mode):
        raise ValueError(f"other users can write to '{path}', expected only you: run chmod go-w on it.")


def _is_shared_safely(about: os.stat_result) -> bool:
    """Return whether others who can write to a folder cannot rename its files, or are only the user's own group."""
    if about.st_uid not in (0, os.getuid()):
        return False
    return bool(about.st_mode & stat.S_ISVTX) or (not about.st_mode & stat.S_IWOTH and _is_own_group(about.st_gid))


def _is_own_group(number: int) -> bool:
    """Return whether a group has the user's name, because many systems create one for each user."""
    import grp
    import pwd

    try:
        return grp.getgrgid(number).gr_name == pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return False
