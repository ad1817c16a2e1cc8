from __future__ import annotations

import nibabel
import numpy as np
import pytest
from monai.transforms import LoadImage
from PIL import Image

from monai_nlseg.bundle import explained
from monai_nlseg.data import PictureReader
from monai_nlseg.io.pictures import PictureError
from tests.io.pictures.encodings import SIZE, TURNS, colour_picture, exif, save_png

COLOUR = colour_picture()
NAME = "monai_nlseg.data.PictureReader"


def load(path, **options):
    return LoadImage(reader=NAME, ensure_channel_first=True, **options)(path)


def _to_green(image):
    return image.convert("RGB").getchannel("G")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp", "a.gif"])
def test_eight_bits_are_read_as_by_pil_reader(tmp_path, name):
    Image.fromarray(COLOUR).save(path := tmp_path / name)
    for channel, converter in {"grey": lambda image: image.convert("L"), "green": _to_green}.items():
        expected = LoadImage(
            reader="PILReader", reverse_indexing=False, converter=converter, ensure_channel_first=True
        )(path)
        image = load(path, channel=channel)
        assert image.dtype == expected.dtype and (image == expected).all() and image.shape == (1, *SIZE)
        assert image.meta.keys() == {*expected.meta, "colour_share"} and (image.affine == expected.affine).all()
    assert (load(path) == load(path, channel="grey")).all()


def test_the_share_of_colours_is_known_whichever_channel_is_taken(tmp_path):
    half = np.zeros((20, 30, 3), np.uint8)
    half[:10] = (200, 90, 30)
    Image.fromarray(half).save(tmp_path / "a.png")
    Image.fromarray(half[..., 0]).save(tmp_path / "grey.png")
    for channel in ("grey", "green", "rgb"):
        assert load(tmp_path / "a.png", channel=channel).meta["colour_share"] == 0.5
        assert load(tmp_path / "grey.png", channel=channel).meta["colour_share"] == 0


def test_colours(tmp_path):
    save_png(tmp_path / "a.png", COLOUR.astype(np.uint16) * 257)
    np.testing.assert_array_equal(load(tmp_path / "a.png", channel="rgb"), np.moveaxis(COLOUR, -1, 0))
    np.testing.assert_array_equal(load(tmp_path / "a.png", channel="green")[0], COLOUR[..., 1])


def test_several_files_are_channels(tmp_path):
    Image.fromarray(COLOUR[..., 0]).save(tmp_path / "a.png")
    Image.fromarray(TURNS[6](COLOUR[..., 1]).copy()).save(tmp_path / "b.png", exif=exif(6))
    image = load([tmp_path / "a.png", tmp_path / "b.png"])
    np.testing.assert_array_equal(image, np.moveaxis(COLOUR[..., :2], -1, 0))
    Image.fromarray(COLOUR[:5, :5, 0]).save(tmp_path / "b.png")
    with pytest.raises(RuntimeError, match="spatial_shape"):
        load([tmp_path / "a.png", tmp_path / "b.png"])


def test_what_it_refuses_is_read_by_no_other_reader(tmp_path):
    page = Image.fromarray(COLOUR)
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(PictureError, match="a.tif' holds 2 pages: give one image per file") as raised:
        load(tmp_path / "a.tif")
    assert explained(raised.value) is raised.value


def test_channels_and_suffixes(tmp_path):
    with pytest.raises(ValueError, match="channel is 'red': choose 'grey', 'green' or 'rgb'"):
        LoadImage(reader=NAME, channel="red")
    reader = PictureReader()
    assert reader.verify_suffix(["a.png", "b.TIF"]) and not reader.verify_suffix(["a.png", "b.nii.gz"])


def test_a_whole_volume_is_not_called_damaged(tmp_path):
    nibabel.save(nibabel.Nifti1Image(COLOUR[..., 0], np.eye(4)), tmp_path / "a.nii.gz")
    with pytest.raises(PictureError, match="a.nii.gz' is a volume: give a picture, such as PNG"):
        load(tmp_path / "a.nii.gz")
