"""The list of trusted bundles: whose it is, what damages it, and several processes at once."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monai_nlseg.bundle import change_known, known_bundles
from monai_nlseg.bundle.trust_store import store_file


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return store_file()


def remember(digest: str) -> None:
    change_known(lambda known: known.update({digest: f"/bundles/{digest}"}))


def test_only_the_user_may_read_or_write_it(store, caplog):
    assert known_bundles() == {}
    remember("a")
    assert known_bundles() == {"a": "/bundles/a"}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (store, store.parent)}
    assert modes == {"trusted.json": 0o600, "monai_nlseg": 0o700}
    assert {path.name for path in store.parent.iterdir()} <= {"trusted.json", "lock"}
    assert not caplog.records


def test_several_at_once_lose_nothing(store, monkeypatch):
    monkeypatch.setattr("monai_nlseg.bundle.trust_store.SECONDS", 600.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remember, map(str, range(24))))
    assert set(known_bundles()) == set(map(str, range(24)))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1}', "[" * 100_000, "1" * 5000, b"\xff\xfe", "null", " " * 10_000_001]
)
def test_a_damaged_list_counts_as_empty_is_said_and_is_written_again(store, text, caplog):
    remember("a")
    store.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert known_bundles() == {}
    assert str(store) in caplog.text and "counts as empty" in caplog.text and len(caplog.records) == 1
    remember("b")
    assert json.loads(store.read_text()) == {"b": "/bundles/b"}


@pytest.mark.parametrize("name", ["trusted.json", "."])
@pytest.mark.parametrize("mode", [0o660, 0o606])
def test_a_list_that_others_may_write_is_not_believed(store, name, mode, caplog):
    remember("a")
    place = store.parent / name
    place.chmod(mode | stat.S_IXUSR)
    assert known_bundles() == {} and "other users can write to" in caplog.text
    if name == ".":
        with pytest.raises(ValueError, match="cannot be written .*other users can write to"):
            remember("b")
        place.chmod(0o700)


def test_a_list_of_another_user_is_not_believed(store, monkeypatch, caplog):
    remember("a")
    own = os.getuid()
    if own:
        monkeypatch.setattr("os.getuid", lambda: own + 1)
    else:
        os.chown(store.parent, 12345, 12345)
    assert known_bundles() == {} and "belongs to user" in caplog.text
    with pytest.raises(ValueError, match="belongs to user"):
        remember("b")


@pytest.mark.parametrize("make", ["mkdir", "mkfifo", "touch"])
def test_what_lies_in_its_place(store, make, caplog):
    place = store if make != "touch" else store.parent
    place.parent.mkdir(parents=True, mode=0o700)
    os.mkfifo(place, 0o600) if make == "mkfifo" else getattr(place, make)(0o700)
    assert known_bundles() == {} and len(caplog.records) == 1
    if make != "mkfifo":  # which a list may replace
        with pytest.raises(ValueError, match="list of trusted bundles cannot be written"):
            remember("a")


@pytest.mark.parametrize(("given", "home"), [("relative", "/somewhere"), ("", "/somewhere"), ("", "")])
def test_without_a_folder_for_configs(given, home, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", given)
    monkeypatch.setattr("os.path.expanduser", lambda path: path.replace("~", home) if home else path)
    if home:
        assert store_file() == Path("/somewhere/.config/monai_nlseg/trusted.json")
        return
    assert known_bundles() == {}
    with pytest.raises(ValueError, match="no home folder"):
        remember("a")
