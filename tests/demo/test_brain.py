from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.demo import run_demo
from monai_nlseg.demo.brain import plot_overlays


def test_picture_shows_each_tissue_in_its_colour(tmp_path):
    image = pytest.importorskip("matplotlib.image")
    volume = np.zeros((20, 24, 22))
    segmentation = np.zeros((20, 24, 22), np.uint8)
    for label, span in ((2, slice(4, 18)), (3, slice(7, 15)), (1, slice(9, 13))):
        segmentation[span, span, span] = label
        volume[span, span, span] = 50 * label
    plot_overlays(volume, segmentation, tmp_path / "picture.png")
    picture = image.imread(tmp_path / "picture.png")[..., :3]
    plain, overlay = np.split(picture[: len(picture) // 2 * 2], 2)
    saturation = plain.max(-1) - plain.min(-1)
    assert saturation.max() < 0.05, "the upper row is grey"
    dominant = overlay[overlay.max(-1) - overlay.min(-1) > 0.2].argmax(-1)
    assert {0, 1, 2} <= set(dominant.tolist()), "orange, green and blue below"


@pytest.mark.slow
def test_demo_segments_the_template(tmp_path):
    pytest.importorskip("nilearn")
    import nibabel as nib
    from nilearn.datasets import load_mni152_template

    result = run_demo("brain", tmp_path / "demo")
    template, labels = load_mni152_template(resolution=1), nib.load(result.labels)
    assert labels.shape == template.shape
    np.testing.assert_allclose(labels.affine, template.affine)
    assert set(np.unique(np.asarray(labels.dataobj))) == {0, 1, 2, 3}
    assert result.picture.read_bytes().startswith(b"\x89PNG")
    assert len(result.dice) == 2 and min(result.dice.values()) > 0.8
