"""The simulated sets of images: layout, repeatability, and that masks lie on what they name."""

from __future__ import annotations

import csv
import json
import math
import warnings

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, binary_fill_holes, label

from monai_nlseg.data import hc18_datalist, ultrasound_nerve_datalist
from monai_nlseg.simulate import (
    CHASEDB1_SIZE,
    DRIVE_SIZE,
    HC18_SIZE,
    NERVE_SIZE,
    simulate_breast,
    simulate_fetal_head,
    simulate_retina,
    simulate_ultrasound_nerve,
)

SIZE = (120, 90)


def retina(folder, cases, seed=0, size=None, layout="drive"):
    return simulate_retina(folder, cases, layout, seed, size)


def chasedb1(folder, cases, seed=0, size=None):
    return retina(folder, cases, seed, size, "chasedb1")


def nerve(folder, cases, seed=0, size=NERVE_SIZE):
    return simulate_ultrasound_nerve(folder, cases, seed=seed, size=size)


def fetal_head(folder, cases, seed=0, size=HC18_SIZE):
    return simulate_fetal_head(folder, cases, seed=seed, size=size)


SIMULATIONS = [nerve, simulate_breast, fetal_head, retina, chasedb1]


def pixels(path, mode=None):
    with Image.open(path) as image:
        assert mode is None or image.mode == mode
        return np.asarray(image.convert("L") if image.mode in ("1", "P") else image)


def images(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.suffix not in (".csv",)}


@pytest.fixture(scope="module", params=SIMULATIONS)
def simulated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    request.param(folder, 5, seed=3, size=SIZE)
    return request.param, folder


def test_the_same_seed_gives_the_same_files_however_many(simulated, tmp_path):
    simulate, folder = simulated
    simulate(tmp_path / "fewer", 2, seed=3, size=SIZE)
    whole, fewer = images(folder), images(tmp_path / "fewer")
    assert 2 < len(fewer) < len(whole)
    assert all(whole[name] == content for name, content in fewer.items())
    simulate(tmp_path / "other", 2, seed=4, size=SIZE)
    other = images(tmp_path / "other")
    assert other.keys() == fewer.keys()
    assert not {content for name, content in other.items() if "mask" not in name.name} & set(fewer.values())


def test_cases_differ(simulated):
    simulate, folder = simulated
    contents = [content for name, content in images(folder).items() if "mask" not in name.name]
    assert len(set(contents)) == len(contents)


def test_adds_what_is_missing_and_leaves_the_rest(simulated, tmp_path):
    simulate, folder = simulated
    written = simulate(tmp_path, 2, seed=3, size=SIZE)
    written[1].unlink()  # as an interruption leaves it
    kept = written[0].stat().st_mtime_ns
    simulate(tmp_path, 3, seed=3, size=SIZE)
    whole = images(folder)
    assert all(whole[name] == content for name, content in images(tmp_path).items())
    assert written[1].is_file() and written[0].stat().st_mtime_ns == kept
    assert not list(tmp_path.rglob(".*"))


def test_refuses_folders_of_others_and_impossible_requests(simulated, tmp_path):
    simulate, folder = simulated
    with pytest.raises(ValueError, match=r"another seed \(3, now 4\)"):
        simulate(folder, 1, seed=4, size=SIZE)
    with pytest.raises(ValueError, match="another size"):
        simulate(folder, 1, seed=3, size=(130, 90))
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="not simulated"):
        simulate(tmp_path, 1, size=SIZE)
    with pytest.raises(ValueError, match="is a file"):
        simulate(tmp_path / "mine.txt", 1, size=SIZE)
    for cases, size, words in ((0, SIZE, "from 1 to 100,000"), (1, (31, 90), "at least 32"), (1, (90,), "2 numbers")):
        with pytest.raises(ValueError, match=words):
            simulate(tmp_path / "out", cases, size=size)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("simulate", "read", "tables"),
    [
        (simulate_ultrasound_nerve, ultrasound_nerve_datalist, ["train_masks.csv"]),
        (simulate_fetal_head, hc18_datalist, ["training_set_pixel_size_and_HC.csv", "test_set_pixel_size.csv"]),
    ],
)
def test_a_rerun_with_fewer_images_keeps_the_rows_of_the_others(tmp_path, simulate, read, tables):
    simulate(tmp_path, 12, test_cases=2, size=SIZE)
    before = [(tmp_path / table).read_bytes() for table in tables]
    for test_cases in (1, 0):
        assert len(simulate(tmp_path, 2, test_cases=test_cases, size=SIZE)) == 2
        assert [(tmp_path / table).read_bytes() for table in tables] == before
        assert len(read(tmp_path, check_content=True)) == 12


@pytest.mark.parametrize("content", ["", "{", "[]", "3"])
def test_damaged_record_is_named_and_nothing_is_touched(tmp_path, content):
    (tmp_path / "simulation.json").write_text(content)
    with pytest.raises(ValueError, match=r"simulation.json' is damaged, .*: give another folder"):
        simulate_breast(tmp_path, 1, size=SIZE)
    assert [path.read_text() for path in tmp_path.iterdir()] == [content]


def test_an_image_of_the_neck_reaches_the_nerve(tmp_path):
    with pytest.raises(ValueError, match=r"size is \(300, 157\): .* above the nerve, so give at least 158 rows"):
        simulate_ultrasound_nerve(tmp_path / "a", 1, size=(300, 157))
    assert not (tmp_path / "a").exists()
    for seed in range(3):
        simulate_ultrasound_nerve(tmp_path / str(seed), 20, seed=seed, size=(61, 33))
        datalist = ultrasound_nerve_datalist(tmp_path / str(seed), check_content=True)
        assert sum(entry["positive"] for entry in datalist) == 8


def test_records_how_it_was_made(simulated):
    record = json.loads((simulated[1] / "simulation.json").read_text())
    assert record["seed"] == 3 and record["size"] == list(SIZE)


def test_nerve_layout(tmp_path):
    masks = simulate_ultrasound_nerve(tmp_path, 20, test_cases=1, seed=1, size=SIZE)
    assert [mask.name for mask in masks[9:11]] == ["1_10_mask.tif", "2_1_mask.tif"]
    with (tmp_path / "train_masks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["subject"], row["img"]) for row in rows] == [tuple(mask.stem.split("_")[:2]) for mask in masks]
    positive = 0
    for row, path in zip(rows, masks):
        mask = pixels(path, "L")
        assert mask.shape == SIZE[::-1] and set(np.unique(mask)) <= {0, 255}
        image = pixels(path.with_name(path.name.replace("_mask", "")), "L")
        assert image.shape == mask.shape and image.dtype == np.uint8
        positive += bool(mask.any())
        runs = np.array(row["pixels"].split(), int).reshape(-1, 2)
        decoded = np.zeros(mask.size, bool)
        for start, length in runs:
            decoded[start - 1 : start - 1 + length] = True
        np.testing.assert_array_equal(decoded.reshape(mask.shape, order="F"), mask > 0)
    assert positive == 8 and pixels(masks[0]).any() and pixels(masks[10]).any()
    assert pixels(tmp_path / "test" / "1.tif", "L").shape == SIZE[::-1]
    assert [path.name for path in (tmp_path / "test").iterdir()] == ["1.tif"]


def test_breast_layout_and_lesions(tmp_path):
    simulate_breast(tmp_path, 10, seed=1, size=(160, 130))
    root = tmp_path / "Dataset_BUSI_with_GT"
    assert {path.name: len(list(path.glob("*).png"))) for path in root.iterdir()} == {
        "benign": 5,
        "malignant": 3,
        "normal": 2,
    }
    assert (root / "benign" / "benign (2)_mask_1.png").is_file()
    assert len(list(root.rglob("*_mask_1.png"))) == 1
    for path in root.rglob("*_mask*.png"):
        mask = pixels(path, "L")
        assert set(np.unique(mask)) <= {0, 255} and mask.any() == (path.parent.name != "normal")
        image = pixels(path.with_name(path.name[: path.name.index("_mask")] + ".png"), "L").astype(float)
        if mask.any():
            around = binary_dilation(mask > 0, iterations=10) & (mask == 0)
            assert image[mask > 0].mean() < image[around].mean() - 8, "a lesion is darker than what lies around it"


def test_a_carcinoma_casts_a_shadow_and_a_benign_lesion_none(tmp_path):
    simulate_breast(tmp_path, 10, seed=1, size=(160, 130))
    contrast = {}
    for name in ("benign", "malignant"):
        found = []
        for path in (tmp_path / "Dataset_BUSI_with_GT" / name).glob("*_mask.png"):
            mask = pixels(path) > 0
            image = pixels(path.with_name(path.name.replace("_mask", ""))).astype(float)
            bottom = np.nonzero(mask.any(axis=1))[0].max()
            below, beside = image[bottom + 2 :, mask.any(axis=0)], image[bottom + 2 :, ~mask.any(axis=0)]
            found.append(below.mean() - beside.mean())
        contrast[name] = np.mean(found)
    assert contrast["malignant"] < -10 < contrast["benign"]


def test_breast_sizes_vary_as_the_officials_do(tmp_path):
    sizes = [pixels(path).shape for path in simulate_breast(tmp_path, 2, seed=1)]
    assert sizes[0] != sizes[1] and all(380 <= height < 600 and 420 <= width < 760 for height, width in sizes)


def test_fetal_head_layout_and_contour(tmp_path):
    annotations = simulate_fetal_head(tmp_path, 6, test_cases=1, seed=2, size=(200, 135))
    names = ["000_HC", "001_HC", "002_HC", "003_HC", "003_2HC", "004_HC"]
    assert [path.name for path in annotations] == [f"{name}_Annotation.png" for name in names]
    lines = (tmp_path / "training_set_pixel_size_and_HC.csv").read_text().splitlines()
    assert lines[0] == "filename,pixel size(mm),head circumference (mm)"
    for path, line in zip(annotations, lines[1:]):
        name, pixel, circumference = line.split(",")
        assert path.name == name.replace(".png", "_Annotation.png")
        contour = pixels(path, "L") > 0
        assert set(np.unique(pixels(path))) == {0, 255}
        head = binary_fill_holes(contour)
        # closed, one pixel wide, and within the image
        assert head.sum() > 5 * contour.sum() and contour.sum() < 2 * math.sqrt(4 * math.pi * head.sum())
        assert not (head[0].any() or head[-1].any() or head[:, 0].any() or head[:, -1].any())
        assert label(contour, np.ones((3, 3)))[1] == 1
        # of an ellipse that is nearly a circle, the area tells the circumference
        area = head.sum() * float(pixel) ** 2
        assert 0.93 < math.sqrt(4 * math.pi * area) / float(circumference) < 1.03
        image = pixels(path.with_name(name), "L").astype(float)
        inner = head & ~binary_dilation(contour, iterations=8)
        skull = head & binary_dilation(contour, iterations=5)
        assert image[skull].mean() > image[inner].mean() + 20
    assert (tmp_path / "test_set_pixel_size.csv").read_text().splitlines()[0] == "filename,pixel size(mm)"
    assert [path.name for path in (tmp_path / "test_set").iterdir()] == ["000_HC.png"]


def test_drive_layout(tmp_path):
    simulate_retina(tmp_path, 3, size=(141, 146))
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")) == [
        "simulation.json",
        "test/1st_manual/01_manual1.gif",
        "test/2nd_manual/01_manual2.gif",
        "test/images/01_test.tif",
        "test/mask/01_test_mask.gif",
        "training/1st_manual/21_manual1.gif",
        "training/1st_manual/22_manual1.gif",
        "training/images/21_training.tif",
        "training/images/22_training.tif",
        "training/mask/21_training_mask.gif",
        "training/mask/22_training_mask.gif",
    ]
    for path in tmp_path.rglob("*.gif"):
        assert set(np.unique(pixels(path))) == {0, 255} and pixels(path).shape == (146, 141)
    assert pixels(tmp_path / "training" / "images" / "21_training.tif", "RGB").shape == (146, 141, 3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_vessels(tmp_path, seed):
    simulate_retina(tmp_path, 2, layout="chasedb1", seed=seed, size=(333, 320))
    assert len(list(tmp_path.glob("*.*"))) == 7
    for eye in "LR":
        image = pixels(tmp_path / f"Image_01{eye}.jpg", "RGB").astype(float)
        first = pixels(tmp_path / f"Image_01{eye}_1stHO.png", "1") > 0
        second = pixels(tmp_path / f"Image_01{eye}_2ndHO.png", "1") > 0
        assert image.shape == (320, 333, 3)
        assert label(first, np.ones((3, 3)))[1] == 1, "all vessels come from the disc"
        assert 0.03 < first.mean() < 0.16
        dice = 2 * (first & second).sum() / (first.sum() + second.sum())
        assert 0.65 < dice < 0.97
        around = binary_dilation(first, iterations=4) & ~binary_dilation(first)
        assert image[first, 1].mean() < image[around, 1].mean() - 5, "blood is dark in green"
        assert not first[[0, 0, -1, -1], [0, -1, 0, -1]].any() and image[2, 2].max() < 30


def test_retina_refuses(tmp_path):
    with pytest.raises(ValueError, match="layout is 'stare'"):
        simulate_retina(tmp_path, 1, "stare")
    with pytest.raises(ValueError, match="40 images, not 41"):
        simulate_retina(tmp_path, 41)


def test_official_sizes(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for simulate, size in ((nerve, NERVE_SIZE), (fetal_head, HC18_SIZE), (retina, None), (chasedb1, None)):
            simulate(tmp_path / simulate.__name__, 1, size=size)
    shapes = {
        name: pixels(next((tmp_path / name).rglob(pattern))).shape[1::-1]
        for name, pattern in (
            ("nerve", "1_1.tif"),
            ("fetal_head", "000_HC.png"),
            ("retina", "*.tif"),
            ("chasedb1", "*.jpg"),
        )
    }
    assert shapes == {"nerve": (580, 420), "fetal_head": (800, 540), "retina": (565, 584), "chasedb1": (999, 960)}
    assert tuple(shapes.values()) == (NERVE_SIZE, HC18_SIZE, DRIVE_SIZE, CHASEDB1_SIZE)
