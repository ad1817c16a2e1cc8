from __future__ import annotations

from pathlib import Path

import pytest

from monai_nlseg.cohort.ray_actor import Actor, shared_token


def test_a_token_is_a_file_of_its_own_for_as_long_as_it_is_needed(tmp_path):
    with shared_token(tmp_path) as one, shared_token(tmp_path) as two:
        assert one != two
        assert one.is_file() and one.is_absolute()
    assert not list((tmp_path / ".nlseg").iterdir())


@pytest.mark.parametrize("token", ["elsewhere/.nlseg/shared-1", ".nlseg/shared-1"])
def test_a_node_without_the_shared_folder_is_refused(token, tmp_path):
    (tmp_path / ".nlseg").mkdir()
    with pytest.raises(ValueError, match=r"on node '.+' is not the folder of the run"):
        Actor().load(Path, tmp_path / token, 1)


def test_a_node_that_cannot_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write wherever the mode forbids it
    with shared_token(tmp_path) as token, pytest.raises(ValueError, match="or cannot be written to"):
        Actor().load(Path, token, 1)


def test_the_memory_watch_returns_past_the_limit():
    assert Actor().outgrown(1) is None
