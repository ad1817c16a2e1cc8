from __future__ import annotations

import numpy as np
import pytest
from monai.transforms import LoadImage, SaveImage
from PIL import Image

from monai_nlseg.data import AtomicPILWriter


def test_image_is_written_as_it_was_read(tmp_path):
    pixels = np.zeros((4, 7), np.uint8)
    pixels[1, 5] = 255
    Image.fromarray(pixels).save(tmp_path / "case.png")
    load = LoadImage(reader="PILReader", reverse_indexing=False, ensure_channel_first=True)
    save = SaveImage(
        output_dir=tmp_path / "masks",
        output_postfix="seg",
        output_ext=".png",
        output_dtype="uint8",
        scale=255,
        separate_folder=False,
        resample=False,
        print_log=False,
        writer="monai_nlseg.data.AtomicPILWriter",
    )
    save(load(tmp_path / "case.png") > 0)
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["case_seg.png"]
    with Image.open(tmp_path / "masks" / "case_seg.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_failure_leaves_the_earlier_image(tmp_path, monkeypatch):
    path = tmp_path / "case_seg.png"
    path.write_bytes(b"earlier")

    def disk_full(image, name, **options):
        name.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", disk_full)
    writer = AtomicPILWriter(output_dtype=np.uint8)
    writer.set_data_array(np.zeros((1, 4, 5)))
    writer.set_metadata({}, resample=False)
    with pytest.raises(OSError, match="No space left"):
        writer.write(path)
    assert [file.name for file in tmp_path.iterdir()] == ["case_seg.png"] and path.read_bytes() == b"earlier"
