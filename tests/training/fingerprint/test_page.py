"""Tests of the page in Chromium, opened from the disk."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from monai_nlseg.training.cases.case import Classes, LabelClass
from monai_nlseg.training.fingerprint.measure_data import fingerprint
from monai_nlseg.training.fingerprint.pictures import draw_cases, paint
from monai_nlseg.training.fingerprint.write import write_inspection
from tests.training.fingerprint.small_data import boxes, data_of, picture_case, volume_case

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = "</script><img src=x onerror='window.hacked = 1'>&amp;"


def inspected(root, count=15):
    classes = Classes((LabelClass(HOSTILE, (1,)), LabelClass("inner", (2,))))
    cases = [volume_case(root, f"case{number:02}") for number in range(count)]
    constant = volume_case(root, "constant", np.full((12, 10, 8), 3, np.int16), boxes())
    return fingerprint(data_of(*cases, constant, classes=classes, left_out=(HOSTILE,)), jobs=1)


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright, which drives Chromium, is missing")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_shows_findings_pictures_and_tables(chromium, tmp_path, scheme):
    _, path = write_inspection(inspected(tmp_path), tmp_path / "out")
    errors, requests = [], []
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    assert page.locator(".findings .warning").count() == 2  # about the constant image: its values, and their scale
    assert page.locator("figure").count() == 12
    assert page.locator("figcaption").first.inner_text() == "constant"
    assert [each.strip() for each in page.locator(".legend li").all_inner_texts()] == [HOSTILE, "inner"]
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    page.locator("summary").click()
    assert page.locator("details tbody tr").count() == 16
    back, text = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
    brightness = [sum(map(int, colour.strip("rgb()").split(","))) for colour in (back, text)]
    assert abs(brightness[0] - brightness[1]) > 450
    assert (brightness[0] > brightness[1]) == (scheme == "light")
    assert page.evaluate("window.hacked") is None
    assert errors == []
    assert all(url.startswith(("file:", "data:")) for url in requests)
    context.close()


def test_pictures_in_colour_are_drawn(tmp_path):
    rows = np.arange(200, dtype=np.uint8).reshape(10, 20)
    colour = np.stack([rows, rows // 2, 255 - rows], axis=-1)
    cases = [
        picture_case(tmp_path, name, np.roll(colour, n), np.eye(10, 20, n, np.uint8)) for n, name in enumerate("ab")
    ]
    (first, _) = draw_cases(fingerprint(data_of(*cases), jobs=1))
    assert (first.slices[0]["width"], first.slices[0]["height"]) == (20, 10)


def test_a_case_that_has_become_unreadable_is_not_drawn(tmp_path):
    found = inspected(tmp_path, 2)
    (tmp_path / "images" / "case00.nii").unlink()
    assert [each.name for each in draw_cases(found)] == ["constant", "case01"]


def test_regions_are_painted_over_each_other():
    classes = Classes((LabelClass("whole", (1, 5)), LabelClass("core", (5,))), overlapping=True, painted=(1, 5))
    assert paint(np.array([0, 1, 5, 7]), classes).tolist() == [0, 1, 2, 0]
