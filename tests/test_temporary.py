from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from monai_nlseg.temporary import held_folder, remove_abandoned, remove_free

HOLDS = """
import sys, time
from monai_nlseg.temporary import held_folder
with held_folder() as folder:
    (folder / "staged").mkdir()
    (folder / "staged" / "scan.nii").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def holder(temporary):
    """A process that holds a folder, and that folder."""
    command = [sys.executable, "-c", HOLDS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(temporary)})
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_a_folder_is_private_and_goes_at_the_end(temporary):
    with held_folder() as folder:
        assert folder.parent == temporary and folder.stat().st_mode & 0o077 == 0
        (folder / "scan.nii").write_bytes(b"x")
    assert not list(temporary.iterdir())


def test_what_a_kill_leaves_is_removed_and_what_is_in_use_stays(holder, temporary):
    process, folder = holder
    with held_folder() as own:
        remove_abandoned()
        assert (folder / "staged" / "scan.nii").is_file() and own.is_dir()
        process.send_signal(signal.SIGKILL)
        process.wait()
        remove_abandoned()
        assert list(temporary.iterdir()) == [own]


def test_a_folder_is_waited_for(holder):
    process, folder = holder
    threading.Timer(0.3, process.kill).start()
    remove_free(folder, 10)
    assert not folder.exists()


def test_links_and_folders_of_others_are_left(temporary, tmp_path, monkeypatch):
    (tmp_path / "kept").mkdir()
    (temporary / "nlseg-held-1").symlink_to(tmp_path / "kept")
    remove_abandoned()
    assert (tmp_path / "kept").is_dir() and (temporary / "nlseg-held-1").is_symlink()
    (temporary / "nlseg-held-2").mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    remove_abandoned()
    assert (temporary / "nlseg-held-2").is_dir()
    remove_free(temporary / "gone")


def test_a_temporary_folder_in_which_others_may_rename_it_is_refused(temporary):
    temporary.chmod(0o777)
    with pytest.raises(ValueError, match="other users can write to '.*temporary'"), held_folder():
        pass
    assert not list(temporary.iterdir())
    temporary.chmod(0o1777)  # as /tmp is
    with held_folder():
        pass
