from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_nlseg.demo import TASKS, run_demo


@pytest.mark.parametrize(("task", "least"), [("breast", 0.7), ("fetal-head", 0.9)])
def test_simulated_ultrasound(task, least, tmp_path):
    result = run_demo(task, tmp_path / "demo")
    with Image.open(tmp_path / "demo" / f"{task}.png") as image, Image.open(result.labels) as mask:
        assert mask.size == image.size and set(np.unique(mask)) == {0, 255}
        with Image.open(result.picture) as picture:
            plain, overlay = np.split(np.asarray(picture), 2, axis=1)
        np.testing.assert_array_equal(plain, np.repeat(np.asarray(image)[..., None], 3, axis=2))
        coloured = (overlay != plain).any(axis=2)
        assert coloured[np.asarray(mask) > 0].mean() > 0.99
    (score,) = result.dice.values()
    assert least < score <= 1
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        f"{task}.png", f"{task}_overlay.png", f"{task}_seg.png",
    ]  # fmt: skip


def test_photograph(tmp_path, monkeypatch):
    """Images at a third of their size, which are drawn in a ninth of the time."""
    from skimage.data import retina

    monkeypatch.setattr("monai_nlseg.demo.image.retina", lambda: retina()[::3, ::3].copy())
    result = run_demo("retina", tmp_path)
    assert result.dice == {}
    mask = np.asarray(Image.open(result.labels)) > 0
    assert mask.shape == (471, 471)
    assert 0.04 < mask.mean() < 0.15, "vessels take about a tenth of a retina"
    assert not mask[:20, :20].any(), "nothing outside the field of view"


def test_unknown_task_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ValueError, match=f"task 'heart' is unknown: choose from {', '.join(TASKS)}"):
        run_demo("heart", tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_what_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is not a bundle"):
        run_demo("breast", tmp_path, bundle=tmp_path)


def test_a_bundle_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="'task' is not an id of inference"):
        run_demo("breast", tmp_path, bundle="brain_t1_nonlocal_unet_segmentation")
    assert not [*tmp_path.iterdir()]
