from __future__ import annotations

import re
from pathlib import Path

import pytest

from monai_nlseg.jobs import Limits, WorkerSpec
from monai_nlseg.jobs.events import Outgrown, Refused, Stuck
from monai_nlseg.jobs.ray_actor import Actor, shared_token


def test_a_token_is_a_file_of_its_own_for_as_long_as_it_is_needed(tmp_path):
    with shared_token(tmp_path) as one, shared_token(tmp_path) as two:
        assert one != two
        assert one.is_file() and one.is_absolute()
    assert not list((tmp_path / ".nlseg").iterdir())


def actor(**limits: float) -> Actor:
    return Actor(3, WorkerSpec(Path, Limits(**limits)))


@pytest.mark.parametrize("token", ["elsewhere/.nlseg/shared-1", ".nlseg/shared-1"])
def test_a_node_without_the_shared_folder_is_refused(token, tmp_path):
    (tmp_path / ".nlseg").mkdir()
    refused = actor().load(tmp_path / token)
    assert isinstance(refused, Refused) and refused.worker == 3
    assert re.search(r"on node '.+' is not the folder of the run", refused.reason)


def test_a_node_that_cannot_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write wherever the mode forbids it
    with shared_token(tmp_path) as token:
        assert "or cannot be written to" in actor().load(token).reason


def test_the_watch_returns_past_a_limit():
    assert actor(memory=1).watch() == Outgrown(3)
    slow = actor(read_seconds=0)
    slow._note("a", True)
    assert slow.watch() == Stuck(3, "a")
