"""Names that become names of files."""

from __future__ import annotations

import pytest

from monai_nlseg.label.guard.names import inside, safe_name

FINE = [
    "case 1",
    "Scan 12:30 (left)",
    "sub-01_T1w",
    "case.v2",
    "50% done",
    "100%",
    "bild_ü",
    "1.2.840.113619",
    "x" * 200,
]
HOSTILE = [
    *("", ".", "..", "../x", "a/b", "/x", "a\\b", "\\\\host\\x", "C:", "C:x", "a\0b", "a\nb", "a\x7fb", "a\u2028b"),
    *("\ud800", ".hidden", "x" * 201, "é" * 101, "%2e%2e", "%2Fetc", "%5cx", "a%00b", "%252e%252e%252fx", "%2525252fx"),
]


@pytest.mark.parametrize("name", FINE)
def test_names_stay_as_they_are(name):
    assert safe_name("image", name) == name


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_what_leads_elsewhere_is_refused(name):
    if not name:
        assert safe_name("image", name) == ""
        return
    with pytest.raises(ValueError, match="the image .* is refused: give a name of at most 200 bytes"):
        safe_name("image", name)


def test_long_names_are_refused_at_once():
    with pytest.raises(ValueError, match="is refused") as error:
        safe_name("image", "%25" * 1_000_000)
    assert len(str(error.value)) < 300


def test_links_are_followed_before_they_are_judged(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    (folder / "file").write_text("x")
    for name, target in (("out", tmp_path / "secret"), ("up", tmp_path), ("in", folder / "file"), ("round", "round")):
        (folder / name).symlink_to(target)
    assert inside(folder, folder / "in", "image") == (folder / "file").resolve()
    assert inside(folder, folder / "absent", "image") == (folder / "absent").resolve()
    for name in ("out", "up/secret", "../secret", "up", "round"):
        with pytest.raises(ValueError, match=r"is a link that leads out of its folder"):
            inside(folder, folder / name, "image")
