"""Sessions and the list of images: nothing planted or half written keeps a server from its work."""

from __future__ import annotations

import json
import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from monai_nlseg.label.datastore import GuardedDatastore
from monai_nlseg.label.guard.sessions import GuardedSessions
from tests.label.studies import write_picture


@pytest.fixture
def sessions(tmp_path) -> GuardedSessions:
    return GuardedSessions(str(tmp_path / "sessions"), 3600, 1000)


def add(sessions: GuardedSessions, folder: Path) -> Path:
    """A session of one file."""
    file = folder / "x.png"
    file.write_bytes(b"x")
    name, _ = sessions.add_session(str(file))
    return Path(sessions.store_path) / name


def expire(session: Path) -> None:
    meta = json.loads((session / "meta.info").read_text())
    (session / "meta.info").write_text(json.dumps({**meta, "last_access_ts": 1}))


def test_ids_of_sessions_cannot_be_guessed(sessions, tmp_path):
    assert UUID(add(sessions, tmp_path).name).version == 4


def test_what_is_planted_does_not_keep_sessions_that_have_expired(sessions, tmp_path):
    expired, kept = add(sessions, tmp_path), add(sessions, tmp_path)
    expire(expired)
    planted, half, recent = (Path(sessions.store_path) / str(uuid4()) for _ in range(3))
    for folder, text in ((planted, '{"image": "/etc/passwd"}'), (half, None), (recent, None)):
        folder.mkdir()
        if text:
            (folder / "meta.info").write_text(text)
    os.utime(half, (1, 1))
    (Path(sessions.store_path) / "of somebody").mkdir()
    os.utime(Path(sessions.store_path) / "of somebody", (1, 1))
    assert sessions.remove_expired() == 3
    assert {path.name for path in Path(sessions.store_path).iterdir()} == {kept.name, recent.name, "of somebody"}
    assert sessions.get_session(kept.name) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 1}', "[" * 100_000, b"\xff"])
def test_a_damaged_list_of_images_ends_the_start_in_a_sentence(tmp_path, text):
    write_picture(tmp_path, "picture", 0)
    (tmp_path / "datastore_v2.json").write_bytes(damaged := text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=r"datastore_v2.json' is damaged \(.*\): restore it, or move it away") as error:
        GuardedDatastore(str(tmp_path), extensions=("*.png",))
    assert "\n" not in str(error.value) and (tmp_path / "datastore_v2.json").read_bytes() == damaged


def test_the_list_of_images_is_not_written_through_a_link(tmp_path):
    write_picture(tmp_path / "studies", "picture", 0)
    store = GuardedDatastore(str(tmp_path / "studies"), extensions=("*.png",))
    other = tmp_path / "other.json"
    other.write_text("of somebody")
    path = tmp_path / "studies" / "datastore_v2.json"
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(ValueError, match="'datastore_v2.json' is a link that leads out of its folder"):
        store.update_image_info("picture", {"note": "x"})
    assert other.read_text() == "of somebody"
