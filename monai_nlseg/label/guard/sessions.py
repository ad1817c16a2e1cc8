"""Sessions: images that a client has sent for its own use, outside the studies."""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from monailabel.utils.others.generic import remove_file
from monailabel.utils.sessions import SessionInfo, Sessions

from monai_nlseg.label.guard.archives import unpack
from monai_nlseg.label.guard.names import inside, safe_name

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class GuardedSessions(Sessions):
    """MONAI Label's sessions, which refuse ids that are paths and images outside their folder.

    Args:
        store_path: folder of all sessions; empty for MONAI Label's default.
        expiry: seconds after which a session may be removed.
        most_bytes: largest size of an archive when it is unpacked.
    """

    def __init__(self, store_path: str, expiry: int, most_bytes: int) -> None:
        super().__init__(store_path, expiry)
        self.most_bytes = most_bytes

    def get_session(self, session_id: str, update_ts: bool = True, fetch_cache: bool = True) -> SessionInfo | None:
        """Return a session; None if there is none.

        Args:
            session_id: id of the session.
            update_ts: whether this counts as an access, which delays the expiry.
            fetch_cache: whether MONAI Label's cache of sessions may be used.

        Raises:
            ValueError: if the id is not a plain name, or the session's image lies outside its folder.
        """
        session = super().get_session(safe_name("session", session_id), update_ts, fetch_cache)
        if session:
            inside(Path(self.store_path) / session_id, session.image, "session's image")
        return session

    def remove_session(self, session_id: str) -> None:
        """Remove a session and its files.

        Args:
            session_id: id of the session.

        Raises:
            ValueError: if the id is not a plain name.
        """
        super().remove_session(safe_name("session", session_id))

    def remove_expired(self) -> int:
        """Remove the sessions that have expired and those that a kill has left incomplete, and return their number.

        A damaged session does not keep the others. Folders that are not named as sessions are left alone.
        """
        count = 0
        for folder in Path(self.store_path).glob("*-*-*-*-*"):
            if folder.is_symlink() or not ID.fullmatch(folder.name):
                continue
            try:
                session = self.get_session(folder.name, update_ts=False, fetch_cache=False)
                end = session.last_access_ts + session.expiry if session else folder.stat().st_mtime + self.expiry
            except (ValueError, TypeError, AttributeError, OSError):  # damaged, or planted
                end = 0
            if end < time.time():
                super().remove_session(folder.name)
                count += 1
        return count

    def add_session(
        self, data_file: str, expiry: int = 0, uncompress: bool = False, session_id: str | None = None
    ) -> tuple[str, Any]:
        """Make a session of a file or folder, which is moved into it.

        Args:
            data_file: path of the file, of an archive if it is to be unpacked, or of a folder of files.
            expiry: seconds after which the session may be removed; 0 for the default of all sessions.
            uncompress: whether to unpack a file.
            session_id: id of the session; None for a new one.

        Raises:
            ValueError: for an archive that :func:`monai_nlseg.label.guard.archives.unpack` refuses.
        """
        image = data_file
        try:
            if uncompress and Path(data_file).is_file():
                image = tempfile.mkdtemp(prefix="nlseg-session-")
                unpack(Path(data_file), Path(image), self.most_bytes)
            # MONAI Label's own ids are made of the time and the machine, which others can guess.
            added: tuple[str, Any] = super().add_session(image, expiry, False, session_id or str(uuid4()))
        except BaseException:
            # MONAI Label removes what was sent, and the folder that holds it, only after an answer.
            for path in (image, data_file):
                remove_file(path)
            with suppress(OSError):
                Path(data_file).parent.rmdir()
            raise
        return added
