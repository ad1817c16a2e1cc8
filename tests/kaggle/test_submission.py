"""Kaggle tables from masks and back, and their score; as functions and as commands."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import LoadImage, SaveImage
from PIL import Image
from typer.testing import CliRunner

from monai_nlseg.cli import app
from monai_nlseg.io.run_length import encode_runs
from monai_nlseg.kaggle import read_runs, score_masks, write_masks, write_submission
from tests.forked import run_module

SHAPE = (6, 9)
SIZE = "6x9"


def mask(seed: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return (np.random.default_rng(seed).random(shape) > 0.6).astype(np.uint8)


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith((".nii", ".nii.gz")):
        nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    else:
        Image.fromarray(values).save(path)
    return path


def table(path: Path, *rows: str, head: str = "img,pixels") -> Path:
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.fixture
def folder(tmp_path):
    """Masks 1, 2 and 10 in three formats and both ranges; 2 is empty."""
    save(tmp_path / "masks" / "10_mask.tif", mask(10) * 255)
    save(tmp_path / "masks" / "2.png", np.zeros(SHAPE, dtype=np.uint8))
    save(tmp_path / "masks" / "1" / "1_seg.nii.gz", mask(1).T[..., None])
    return tmp_path / "masks"


def nlseg(*arguments: object) -> str:
    """Return what the command prints."""
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.exception
    return done.stdout


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert isinstance(done.exception, ValueError) and "\n" not in str(done.exception)
    return str(done.exception)


class TestWriting:
    def test_rows_in_order_of_number(self, folder, tmp_path):
        seen = []
        done = write_submission(folder, tmp_path / "s.csv", SHAPE, progress=lambda *each: seen.append(each))
        assert done == (3, 1) and seen == [(1, 3), (2, 3), (3, 3)]
        expected = f"img,pixels\n1,{encode_runs(mask(1))}\n2,\n10,{encode_runs(mask(10))}\n"
        assert (tmp_path / "s.csv").read_bytes().decode() == expected

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("3.bmp", mask(3) * 255),
            ("3.tif", mask(3)),
            ("003_mask.png", mask(3)),
            ("3.png", mask(3).astype(bool)),
            ("3.nii", mask(3).T.astype(np.float32)),
            ("3.png", mask(3).astype(np.uint16) * 255),
        ],
    )
    def test_formats(self, tmp_path, name, values):
        save(tmp_path / "masks" / name, values)
        write_submission(tmp_path / "masks", tmp_path / "s.csv", SHAPE)
        assert read_runs(tmp_path / "s.csv") == {"3": encode_runs(mask(3))}

    @pytest.mark.parametrize("ending", [".png", ".nii.gz"])
    def test_masks_that_monai_saved(self, tmp_path, ending):
        """Axes as MONAI's own reader and writer turn them; the folder of a case as SaveImage makes it."""
        image = LoadImage(reader="PILReader", ensure_channel_first=True)(save(tmp_path / "images" / "5.png", mask(5)))
        SaveImage(tmp_path / "masks", "seg", ending, np.uint8, resample=False, print_log=False)(image)
        write_submission(tmp_path / "masks", tmp_path / "s.csv", SHAPE)
        assert read_runs(tmp_path / "s.csv") == {"5": encode_runs(mask(5))}

    def test_the_challenge_size_is_the_default(self, tmp_path):
        values = np.zeros((420, 580), dtype=np.uint8)
        values[10:13, 100] = 255
        save(tmp_path / "masks" / "7_mask.tif", values)
        write_submission(tmp_path / "masks", tmp_path / "s.csv")
        assert read_runs(tmp_path / "s.csv") == {"7": "42011 3"}

    def test_resize_as_released(self, tmp_path):
        values = np.zeros((448, 576), dtype=np.uint8)
        values[112:336, 144:432] = 1
        save(tmp_path / "masks" / "1.png", values)
        with pytest.raises(ValueError, match=r"1\.png' has 448 x 576 pixels, expected 420 x 580: "):
            write_submission(tmp_path / "masks", tmp_path / "s.csv")
        assert list(tmp_path.iterdir()) == [tmp_path / "masks"]
        write_submission(tmp_path / "masks", tmp_path / "s.csv", resize=True)
        write_masks(tmp_path / "s.csv", tmp_path / "back")
        back = np.asarray(Image.open(tmp_path / "back" / "1_mask.png"))
        expected = np.zeros((420, 580), dtype=np.uint8)
        expected[105:315, 145:435] = 255
        assert np.array_equal(back, expected)

    @pytest.mark.parametrize(
        ("names", "count", "message"),
        [
            (["a.png"], None, "'.*a.png' is not named by the number of its image"),
            (["1_12_mask.png"], None, "is not named by the number"),
            (["1.png", "01.png"], None, "are both image 1: leave one"),
            (["1.png", "1.tif"], None, "are both case '1'"),
            (["1.png", "3.png"], 3, r"of the images 1 to 3, 1 \(2\) have no mask, and none are beyond"),
            (["0.png", "1.png", "3.png"], 2, r"1 \(2\) have no mask, and 2 \(0, 3\) are beyond"),
            (["9.png"], 9, r"8 \(1, 2, 3, 4, 5, \.\.\.\) have no mask"),
        ],
    )
    def test_ill_names(self, tmp_path, names, count, message):
        for name in names:
            save(tmp_path / "masks" / name, mask(0))
        with pytest.raises(ValueError, match=message):
            write_submission(tmp_path / "masks", tmp_path / "s.csv", SHAPE, count=count)
        assert not (tmp_path / "s.csv").exists()

    @pytest.mark.parametrize(
        ("name", "values", "message"),
        [
            ("1.png", mask(0) * 7, "holds the value 7: expected a mask of 0 and 1, or of 0 and 255"),
            ("1.png", mask(0) * 254 + 1, "holds the value 1: expected"),
            ("1.png", np.stack([mask(0), mask(1), mask(2)], axis=-1), "is a colour image"),
            ("1.nii", np.zeros((9, 6, 2), dtype=np.uint8), r"is a volume of \(9, 6, 2\): give one image per file"),
            ("1.nii", mask(0), r"has 9 x 6 pixels, expected 6 x 9"),
        ],
    )
    def test_ill_masks(self, tmp_path, name, values, message):
        save(tmp_path / "masks" / name, values)
        with pytest.raises(ValueError, match=message):
            write_submission(tmp_path / "masks", tmp_path / "s.csv", SHAPE)
        assert not any(path.is_file() for path in tmp_path.iterdir())

    def test_finished_work_stays(self, folder, tmp_path):
        (tmp_path / "s.csv").write_text("mine")
        with pytest.raises(ValueError, match=r"s\.csv' exists: give another name, or remove it first"):
            write_submission(folder, tmp_path / "s.csv", SHAPE)
        assert (tmp_path / "s.csv").read_text() == "mine"
        with pytest.raises(ValueError, match="the folder '.*' does not exist: make it first"):
            write_submission(folder, tmp_path / "nowhere" / "s.csv", SHAPE)


class TestReading:
    def test_round_trip(self, folder, tmp_path):
        write_submission(folder, tmp_path / "s.csv", SHAPE)
        assert write_masks(tmp_path / "s.csv", tmp_path / "a" / "b", SHAPE) == 3
        assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [
            "10_mask.png",
            "1_mask.png",
            "2_mask.png",
        ]
        back = np.asarray(Image.open(tmp_path / "a" / "b" / "10_mask.png"))
        assert back.dtype == np.uint8 and np.array_equal(back, mask(10) * 255)
        write_submission(tmp_path / "a" / "b", tmp_path / "again.csv", SHAPE)
        assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()

    def test_the_training_table_of_the_challenge(self, tmp_path):
        path = table(tmp_path / "train_masks.csv", "1,1,3 2", "1,2,", "11,1,1 1", head="subject,img,pixels")
        assert read_runs(path) == {"1_1": "3 2", "1_2": "", "11_1": "1 1"}

    def test_tables_of_other_programs(self, tmp_path):
        (tmp_path / "s.csv").write_bytes('\ufeff"img","pixels"\r\n"01","3 2"\r\n2,""\r\n\r\n'.encode())
        assert read_runs(tmp_path / "s.csv") == {"1": "3 2", "2": ""}

    def test_codes_longer_than_a_csv_cell(self, tmp_path):
        code = encode_runs(np.indices((420, 580)).sum(0) % 2)
        assert len(code) > 2**17
        assert read_runs(table(tmp_path / "s.csv", f"1,{code}")) == {"1": code}

    @pytest.mark.parametrize(
        ("rows", "head", "message"),
        [
            (["1,"], "image,pixels", "begins with 'image,pixels': expected the head img,pixels or subject,img,pixels"),
            (["1,"], "", "begins with '': expected"),
            ([], "img,pixels", "holds no image"),
            (["1,2 2", "1,"], "img,pixels", "holds image 1 twice, again in row 3"),
            (["1,", "01,"], "img,pixels", "holds image 1 twice"),
            (["a,2 2"], "img,pixels", "row 2 of '.*' is not img,pixels with whole numbers"),
            (["1"], "img,pixels", "row 2 of '.*' is not img,pixels"),
            (["1,1,2 2"], "img,pixels", "row 2"),
            (["1,2 2"], "subject,img,pixels", "row 2 of '.*' is not subject,img,pixels"),
        ],
    )
    def test_ill_tables(self, tmp_path, rows, head, message):
        with pytest.raises(ValueError, match=message):
            read_runs(table(tmp_path / "s.csv", *rows, head=head))

    def test_files_that_are_no_tables(self, tmp_path):
        (tmp_path / "s.csv").write_bytes(b"\xff\xfe\x00")
        for path in (tmp_path / "s.csv", tmp_path / "none.csv", tmp_path):
            with pytest.raises(ValueError, match="cannot be read as a table"):
                read_runs(path)

    def test_nothing_is_written_for_a_corrupt_code(self, tmp_path):
        path = table(tmp_path / "s.csv", "1,1 1", "2,54 2")
        with pytest.raises(ValueError, match=r"image 2 of '.*s\.csv': the run-length code goes to pixel 55"):
            write_masks(path, tmp_path / "out", SHAPE)
        assert not (tmp_path / "out").exists()

    def test_finished_masks_stay(self, tmp_path):
        path, mine = table(tmp_path / "s.csv", "1,1 1", "2,"), save(tmp_path / "out" / "2_mask.png", mask(0))
        before = mine.read_bytes()
        with pytest.raises(ValueError, match="2_mask.png' exists: give another folder"):
            write_masks(path, tmp_path / "out", SHAPE)
        assert mine.read_bytes() == before and list((tmp_path / "out").iterdir()) == [mine]
        with pytest.raises(ValueError, match="is a file: give a folder"):
            write_masks(path, path, SHAPE)


class TestScore:
    def test_by_hand(self, tmp_path):
        """Both empty 1, one empty 0, half found 2/3."""
        pred = table(tmp_path / "pred.csv", "1,", "2,1 1", "3,1 1", "4,")
        truth = table(tmp_path / "truth.csv", "4,7 1", "3,1 2", "2,", "1,")
        found = score_masks(pred, truth, SHAPE)
        assert found.dice == {"1": 1.0, "2": 0.0, "3": pytest.approx(2 / 3), "4": 0.0}
        assert found.mean == pytest.approx((1 + 2 / 3) / 4) and found.empty_truth == 2

    def test_folders_and_tables_are_alike(self, folder, tmp_path):
        write_submission(folder, tmp_path / "s.csv", SHAPE)
        for pred, truth in ((folder, tmp_path / "s.csv"), (tmp_path / "s.csv", folder), (folder, folder)):
            assert score_masks(pred, truth, SHAPE).dice == {"1": 1.0, "2": 1.0, "10": 1.0}

    def test_training_images(self, tmp_path):
        truth = table(tmp_path / "train_masks.csv", "3,12,1 6", "3,13,", head="subject,img,pixels")
        save(tmp_path / "pred" / "03_12_mask.tif", np.eye(*SHAPE, dtype=np.uint8))
        with pytest.raises(ValueError, match=r"lacks 1 \(3_13\) of '.*', which lacks none of it"):
            score_masks(tmp_path / "pred", truth, SHAPE)
        assert score_masks(tmp_path / "pred", truth, SHAPE, partial=True).dice == {"3_12": pytest.approx(2 / 12)}

    def test_images_without_truth(self, tmp_path):
        pred, truth = table(tmp_path / "p.csv", "1,", "2,"), table(tmp_path / "t.csv", "1,")
        with pytest.raises(ValueError, match=r"lacks none of '.*', which lacks 1 \(2\) of it"):
            score_masks(pred, truth, SHAPE, partial=True)

    def test_ill_masks(self, tmp_path):
        save(tmp_path / "p" / "1.png", mask(0))
        save(tmp_path / "p" / "01.png", mask(0))
        truth = table(tmp_path / "t.csv", "1,")
        with pytest.raises(ValueError, match="are both image 1"):
            score_masks(tmp_path / "p", truth, SHAPE)
        with pytest.raises(ValueError, match="image 1 of '.*': the run-length code 'x' is not a list"):
            score_masks(truth, table(tmp_path / "u.csv", "1,x"), SHAPE)


class TestCommands:
    def test_submit_masks_score(self, folder, tmp_path):
        path = tmp_path / "s.csv"
        assert nlseg("kaggle", "submit", "--pred", folder, "--output", path, "--shape", SIZE) == (
            f"wrote {path}: 3 images, 1 of them empty\n"
        )
        assert nlseg("kaggle", "masks", path, "--output", tmp_path / "back", "--shape", SIZE) == (
            f"wrote 3 masks to {tmp_path / 'back'}\n"
        )
        assert nlseg("kaggle", "score", "--pred", path, "--label", tmp_path / "back", "--shape", SIZE) == (
            "mean Dice 1.00000 of 3 images, 1 of them empty in the truth\n"
        )

    def test_options(self, folder, tmp_path):
        submit = ("kaggle", "submit", "--pred", folder, "--output", tmp_path / "s.csv")
        assert "has 6 x 9 pixels, expected 420 x 580" in refused(*submit)
        assert "of the images 1 to 10, 7 (3, 4, 5, 6, 7, ...)" in refused(*submit, "--shape", SIZE, "--count", 10)
        assert "3 images" in nlseg(*submit, "--shape", "12x18", "--resize")
        one = table(tmp_path / "one.csv", "1,")
        assert "lacks 2 (10, 2)" in refused("kaggle", "score", "--pred", one, "--label", folder, "--shape", SIZE)
        assert "of 1 images" in nlseg("kaggle", "score", "--pred", one, "--label", folder, "--shape", SIZE, "--partial")

    @pytest.mark.parametrize("shape", ["6", "6,9", "x9", "0x9", "6x9x2", "-6x9"])
    def test_ill_shapes(self, folder, tmp_path, shape):
        message = refused("kaggle", "submit", "--pred", folder, "--output", tmp_path / "s.csv", f"--shape={shape}")
        assert message == f"--shape '{shape}' is not rows and columns: give them as 420x580."

    def test_an_error_is_one_sentence_and_exit_code_2(self, tmp_path):
        save(tmp_path / "masks" / "1.png", mask(0) * 9)
        done = run_module(
            "monai_nlseg.cli", "kaggle", "submit", "--pred", tmp_path / "masks", "--output", tmp_path / "s.csv",
            "--shape", SIZE,
        )  # fmt: skip
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.strip().splitlines() == [
            f"error: '{tmp_path / 'masks' / '1.png'}' holds the value 9: expected a mask of 0 and 1, or of 0 and 255."
        ]
        assert not (tmp_path / "s.csv").exists()
