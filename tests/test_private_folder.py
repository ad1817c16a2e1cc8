from __future__ import annotations

import os

import pytest

from monai_nlseg.private_folder import make_private_folder, require_private, require_private_folder


@pytest.mark.parametrize(("mode", "safe"), [(0o700, True), (0o755, True), (0o1777, True), (0o777, False)])
def test_a_folder_above_may_be_written_by_others_only_with_the_sticky_bit(tmp_path, mode, safe):
    above = tmp_path / "above"
    make_private_folder(above / "mine")
    above.chmod(mode)
    if safe:
        require_private_folder(above / "mine")
    else:
        with pytest.raises(ValueError, match="other users can write to '.*above'"):
            require_private_folder(above / "mine")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_the_folder_itself_may_not(tmp_path, mode):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(mode)
    with pytest.raises(ValueError, match="run chmod go-w on it"):
        make_private_folder(tmp_path / "folder")


def test_a_link_on_the_way_may_lead_to_a_safe_place_only(tmp_path):
    make_private_folder(tmp_path / "there" / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    require_private_folder(tmp_path / "link" / "mine")
    (tmp_path / "there").chmod(0o777)
    with pytest.raises(ValueError, match="other users can write to '.*there'"):
        require_private_folder(tmp_path / "link" / "mine")


def test_a_file_in_its_place(tmp_path):
    (tmp_path / "folder").write_text("")
    with pytest.raises(ValueError, match="expected a folder of your own"):
        make_private_folder(tmp_path / "folder")


def test_a_system_without_user_ids_is_not_checked(tmp_path, monkeypatch):
    tmp_path.chmod(0o777)
    monkeypatch.delattr(os, "getuid")
    require_private(tmp_path)
    require_private_folder(tmp_path)
