from __future__ import annotations

import pytest
from PIL import Image

from monai_nlseg.data import identical_images
from tests.data.images import save_image


def _entry(root, name, seed, subject="1", size=(20, 16)):
    save_image(root / name, seed=seed, size=size)
    return {"case": name, "image": str(root / name), "subject": subject}


def test_groups_by_pixels_whatever_the_format(tmp_path):
    datalist = [_entry(tmp_path, "a.png", 0), _entry(tmp_path, "b.tif", 0), _entry(tmp_path, "c.png", 1)]
    Image.open(tmp_path / "c.png").convert("RGB").save(tmp_path / "d.png")
    datalist.append({"case": "d.png", "image": str(tmp_path / "d.png"), "subject": "2"})
    assert identical_images(datalist) == [datalist[:2], datalist[2:]]
    assert identical_images(datalist, within="subject") == [datalist[:2]]


def test_shape_counts(tmp_path):
    entries = []
    for name, size in (("a.png", (20, 16)), ("b.png", (16, 20))):
        Image.new("L", size).save(tmp_path / name)
        entries.append({"case": name, "image": str(tmp_path / name)})
    assert identical_images(entries) == []


def test_unreadable_image(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match="a.png' is not a readable image"):
        identical_images([{"case": "a", "image": str(tmp_path / "a.png")}])
