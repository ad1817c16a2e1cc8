"""Tests of the page in Chromium, opened from the disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from monai_nlseg.cohort.report import write_report
from monai_nlseg.cohort.report.viewer import NIIVUE, viewer_script
from tests.cohort.report_runs import RUN, brain_run, done, failed, head, with_preview

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # WebGL2 without a graphics card
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>\u2028&amp;<!--<script>"


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright, which drives Chromium, is missing")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open pages; at the end there must have been no error and no request but for the files."""
    errors, requests, contexts = [], [], []

    def open_page(path, before="", **options):
        contexts.append(chromium.new_context(viewport={"width": 1000, "height": 640}, **options))
        contexts[-1].add_init_script(before)
        page = contexts[-1].new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    outside = [url for url in requests if not url.startswith("data:")]
    assert len(outside) == len(contexts) and all(url.startswith("file://") for url in outside)


@pytest.fixture(scope="module")
def brains(tmp_path_factory):
    output = tmp_path_factory.mktemp("brains")
    return write_report(output, brain_run(output), RUN)


def names(page):
    return page.locator("#rows .name").all_inner_texts()


def column(page, title):
    heads = page.locator("#columns th").all_inner_texts()
    (index,) = [number for number, text in enumerate(heads) if text.strip() == title]
    return page.locator("#columns th").nth(index), page.locator(f"#rows tr > :nth-child({index + 1})")


def pixels(locator):
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def green(locator):
    red, greens, blue = np.moveaxis(pixels(locator), -1, 0)
    return int(((greens > red + 60) & (greens > blue + 20)).sum())


def eventually(condition):
    """Return whether the condition holds within about 30 seconds: the viewer draws when it has time."""
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.05)
    return False


def drawn(page):
    page.wait_for_selector("#location:not(:empty)")
    return page.locator("#canvas")


def test_summary(opened, brains):
    page = opened(brains)
    assert page.title() == "Brain segmentation: quality control"
    assert page.inner_text("#title") == "Brain segmentation" and "1.2.3" in page.inner_text("#subtitle")
    tiles = [re.sub(r"\s+", " ", text) for text in page.locator(".tile").all_inner_texts()]
    assert tiles == ["10 cases", "9 done", "1 failed", "0 unlike", "1 flagged", "2.0 h wall time", "5.0 cases an hour"]
    assert "2026-01-02 03:00:00 UTC" in page.inner_text("#when")
    page.click("#run summary")
    assert "nlseg infer" in page.inner_text("#facts")
    titles = page.locator(".histogram figcaption > div").all_inner_texts()
    assert [title.strip() for title in titles] == ["CSF (ml)", "GM (ml)", "WM (ml)", "Entropy", "Time (s)"]
    label = page.locator(".histogram svg").nth(3).get_attribute("aria-label")
    assert label.startswith("Entropy: 9 cases, 0.101 to 0.600") and label.endswith("1 flagged")


def test_columns_sort(opened, brains):
    page = opened(brains)
    assert names(page)[:3] == ["site/p2", "site/p10", "site/p1"], "first what has to be looked at"
    head_of, cells = column(page, "CSF (ml)")
    for direction, sign in (("descending", -1), ("ascending", 1)):
        head_of.locator("button").click()
        *values, last = cells.all_inner_texts()
        assert last == "–" and len(values) == 9
        assert values == sorted(values, key=lambda text: sign * float(text)) and values[0] != values[-1]
        assert head_of.get_attribute("aria-sort") == direction
    head_of, _ = column(page, "Case")
    head_of.locator("button").press("Enter")
    assert names(page) == [f"site/p{number}" for number in range(1, 11)]
    assert page.locator("[aria-sort]").count() == 1


def test_filter_by_text_status_and_flag(opened, brains):
    page = opened(brains)
    page.fill("#filter", "P1")
    assert names(page) == ["site/p10", "site/p1"]
    page.fill("#filter", "is empty")
    assert names(page) == ["site/p2"] and page.inner_text("#range") == "1–1 of 1"
    page.fill("#filter", "entropy:")
    assert names(page) == ["site/p10"]
    page.fill("#filter", "")
    page.click("#show-failed")
    assert names(page) == ["site/p2"] and "'a.nii.gz' is empty: restore the file." in page.inner_text("#rows")
    page.click("#show-flagged")
    assert names(page) == ["site/p10"] and "CSF: " in page.inner_text("#rows")
    page.click("#show-done")
    assert len(names(page)) == 9
    page.fill("#filter", "nobody")
    assert page.inner_text("#nothing") == "No case matches." and not page.is_visible("#scroll")


def test_pictures_with_labels_that_fade(opened, brains):
    page = opened(brains)
    page.wait_for_selector("#rows img")
    sizes = page.eval_on_selector_all("#rows img", "all => all.map(each => [each.alt, each.naturalWidth])")
    assert len(sizes) == 9 * 3 * 2 and all(width > 0 for _, width in sizes)
    assert {alt for alt, _ in sizes} == {"axial", "coronal", "sagittal", ""}
    page.click("#as-pictures")
    assert page.locator("#gallery article").count() == 10 and not page.is_visible("#scroll")
    card = page.locator("#gallery article").nth(2)
    assert eventually(lambda: green(card.locator(".slice").first) > 100)
    page.fill("#opacity", "0")
    assert eventually(lambda: green(card.locator(".slice").first) == 0)


def test_volume_of_a_case(opened, brains):
    page = opened(brains)
    page.get_by_role("button", name="site/p10").click()
    canvas = drawn(page)
    assert eventually(lambda: pixels(canvas).std() > 20 and green(canvas) > 500)
    assert page.inner_text("#detail-name") == "site/p10" and page.inner_text("#detail-place") == "2 of 10"
    assert re.fullmatch(r"-?\d+, \d+, -?\d+ mm \(R, A, S\), (CSF|GM|WM)", page.inner_text("#location"))
    text = page.inner_text("#detail-text")
    assert "CSF: " in text and "read 0.5 s, infer 2.0 s" in text and "site/p10_seg.nii.gz" in text
    before = pixels(canvas)
    page.keyboard.press("n")
    assert page.inner_text("#detail-name") == "site/p1"
    # The canvas is empty while volumes load, and an opacity is that of a volume.
    assert eventually(lambda: (now := pixels(canvas)).std() > 20 and (now != before).any())
    page.fill("#volume-opacity", "0")
    assert eventually(lambda: green(canvas) == 0)
    before = pixels(canvas)
    page.select_option("#view", "0")
    assert eventually(lambda: (now := pixels(canvas)).std() > 20 and (now != before).any())
    page.keyboard.press("Escape")
    assert not page.is_visible("#detail")


def test_detail_of_a_failed_case_by_keyboard(opened, brains):
    page = opened(brains)
    page.get_by_role("button", name="site/p2").press("Enter")
    assert page.inner_text("#no-viewer") == "A failed case has no picture." and not page.is_visible("#canvas")
    assert "'a.nii.gz' is empty" in page.inner_text("#detail-text")
    page.click("#detail-next")
    assert page.inner_text("#detail-name") == "site/p10" and page.is_visible("#canvas")
    drawn(page)


def test_text_of_a_run_is_never_markup(opened, tmp_path):
    image, labels = head(0)
    record = done("x", labels, names={1: HOSTILE, 2: "GM", 3: "WM"})
    record = with_preview(tmp_path, record, image, labels, np.eye(4))
    record |= {"case": f"site/{HOSTILE}"}
    run = {"bundle": {"name": HOSTILE, "version": HOSTILE}, "started": HOSTILE, "command": HOSTILE, HOSTILE: [HOSTILE]}
    page = opened(write_report(tmp_path, [record, failed("bad", HOSTILE)], run))
    for place in ("#title", "#subtitle", "#facts", "#columns", "#rows", "#legend"):
        assert HOSTILE in page.text_content(place)
    assert HOSTILE in page.title()
    page.locator("#rows tr").filter(has_text="site/").click()
    drawn(page)
    assert HOSTILE in page.text_content("#detail-text") and HOSTILE in page.text_content("#detail-name")
    assert page.evaluate("window.hacked") is None and page.locator("img[src=x]").count() == 0


def test_run_without_cases(opened, tmp_path):
    page = opened(write_report(tmp_path, [], {}))
    assert page.inner_text("#nothing") == "The run has no cases." and page.inner_text("#show-all").startswith("0")
    assert page.locator(".histogram").count() == 0


def test_run_of_failures(opened, tmp_path):
    page = opened(write_report(tmp_path, [failed(f"p{number}") for number in range(9)], RUN))
    assert len(names(page)) == 9 and page.locator(".histogram").count() == 0
    assert page.locator("#rows .status").all_inner_texts() == ["failed"] * 9


def test_run_of_pictures(opened, tmp_path):
    labels = np.zeros((60, 90), np.uint8)
    labels[20:40, 30:60] = 1
    image = np.stack([labels * 0 + value for value in (200, 120, 60)])
    records = [done(f"p{number}", labels, ml=False, names={1: "vessel"}) for number in range(2)]
    path = write_report(tmp_path, [with_preview(tmp_path, each, image, labels, None) for each in records], RUN)
    assert path.stat().st_size < 100_000, "pictures need no viewer"
    page = opened(path)
    _, cells = column(page, "vessel (voxels)")
    assert cells.all_inner_texts() == ["600", "600"]
    page.locator("#rows tr").first.click()
    picture = page.locator("#detail-pictures .slice")
    assert eventually(lambda: picture.count() == 1 and green(picture) > 100) and not page.is_visible("#canvas")
    assert not page.is_visible("#no-viewer")
    assert page.locator("#detail-pictures img").first.evaluate("image => image.naturalWidth") == 90


def test_frames_are_leafed_through(opened, tmp_path):
    labels = np.zeros((5, 40, 50), np.uint8)
    labels[3:, 10:20, 10:20] = 1
    record = with_preview(tmp_path, done("cine", labels, ml=False), labels[None] + 1.0, labels, None)
    page = opened(write_report(tmp_path, [record], RUN))
    page.locator("#rows tr").first.click()
    frame = page.locator("#frame .slice")
    assert page.inner_text("#frame-name") == "3 of 5" and eventually(lambda: green(frame) == 0)
    page.fill("#frame-number", "4")
    assert page.inner_text("#frame-name") == "4 of 5" and eventually(lambda: green(frame) > 100)


def test_volumes_are_embedded_until_the_budget_is_spent(opened, tmp_path):
    records = brain_run(tmp_path)
    whole = write_report(tmp_path, records, RUN).read_text(encoding="utf-8")
    blocks = re.findall(r'<script type="application/json" id="series-\d+">.*?</script>', whole)
    assert len(blocks) == 9
    page = opened(write_report(tmp_path, records, RUN, tmp_path / "small.html", len(blocks[0]) + 10))
    page.locator("#rows tr").nth(1).click()
    assert page.inner_text("#detail-name") == "site/p10", "the flagged one"
    drawn(page)
    page.click("#detail-next")
    assert page.inner_text("#no-viewer").startswith("The budget of 0 MiB for volumes was spent")
    assert page.locator("#detail-pictures .slice").count() == 3


def test_pictures_where_the_browser_has_no_webgl2(opened, brains):
    page = opened(brains, before="HTMLCanvasElement.prototype.getContext = () => null")
    page.locator("#rows tr").nth(1).click()
    page.wait_for_selector("#no-viewer:not(:empty)")
    sentence = "The volume is shown as pictures only: the viewer needs a browser with WebGL2."
    assert page.inner_text("#no-viewer") == sentence and not page.is_visible("#canvas")
    picture = page.locator("#detail-pictures .slice")
    assert picture.count() == 3 and eventually(lambda: green(picture.first) > 500)
    page.click("#detail-next")
    page.wait_for_selector("#no-viewer:not(:empty)")
    assert page.inner_text("#no-viewer") == sentence and picture.count() == 3


def test_niivue_is_the_published_file_and_embedded_once(brains):
    stated = (NIIVUE / "README.md").read_text(encoding="utf-8")
    script = gzip.decompress(viewer_script())
    assert hashlib.sha256(script).hexdigest() in stated
    version = re.match(r"# NiiVue (\S+)\n", stated)[1]
    assert f'"{version}"'.encode() in script
    assert brains.read_text(encoding="utf-8").count('id="viewer-script"') == 1


def test_previews_that_are_gone_or_damaged_leave_rows_without_a_picture(opened, tmp_path):
    records = brain_run(tmp_path)
    (tmp_path / records[0]["outputs"]["preview"]["path"]).unlink()
    (tmp_path / records[2]["outputs"]["preview"]["path"]).write_bytes(b"PK")
    page = opened(write_report(tmp_path, records, RUN))
    page.fill("#filter", "site/p")
    rows = page.locator("#rows tr").filter(has_not=page.locator("img"))
    assert {row.locator(".name").inner_text() for row in rows.all()} == {"site/p1", "site/p2", "site/p3"}
    page.get_by_role("button", name="site/p3").click()
    assert "it has no picture" in page.inner_text("#no-viewer")


def test_thousands_of_cases_come_in_pages(opened, tmp_path):
    _, labels = head(0)
    records = [done(f"p{number}", labels, entropy=number / 3000) for number in range(3000)]
    page = opened(write_report(tmp_path, records, RUN))
    assert page.inner_text("#range") == "1–50 of 3,000" and len(names(page)) == 50
    column(page, "Entropy")[0].locator("button").click()
    page.click("#next-page")
    assert page.inner_text("#range") == "51–100 of 3,000" and names(page)[0] == "p2949"
    page.click("#previous-page")
    assert names(page)[0] == "p2999" and page.is_disabled("#previous-page")


def test_dark_where_the_reader_wants_it(opened, brains):
    dark, light = (pixels(opened(brains, color_scheme=each).locator("header")).mean() for each in ("dark", "light"))
    assert dark < 60 and light > 200


def test_policy_licence_and_no_address_outside(brains):
    text = brains.read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    assert "BSD 2-Clause License" in text and "Copyright (c) 2021, Niivue" in text and "fflate" in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)


def test_a_report_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write_report(tmp_path, [failed("a")], RUN)
    before = path.read_bytes()

    def fail(preview):
        raise OSError("no space left")

    monkeypatch.setattr("monai_nlseg.cohort.report.page.pictures", fail)
    image, labels = head(0)
    record = with_preview(tmp_path, done("b", labels), image, labels, np.eye(4))
    with pytest.raises(OSError, match="no space left"):
        write_report(tmp_path, [record], RUN)
    assert path == tmp_path / "report.html" and path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == [".nlseg", "report.html"]


def test_what_was_left_out_and_what_has_to_be_known(tmp_path, opened):
    kinds = [{"reason": "hidden", "count": 1200, "files": [".a", HOSTILE]}]
    page = opened(write_report(tmp_path, [failed("a")], RUN | {"notes": ["1 line is damaged."], "left_out": kinds}))
    assert page.inner_text("#notes") == "1 line is damaged."
    assert page.inner_text("#left-out summary") == "Left out: 1,200 files of the input"
    page.click("#left-out summary")
    assert page.inner_text("#left-out dt") == "hidden (1,200)"
    assert page.inner_text("#left-out dd").endswith("and 1,198 more in left_out.csv")
    assert page.evaluate("window.hacked") is None
    page = opened(write_report(tmp_path, [failed("a")], RUN))
    assert page.locator("#left-out").is_hidden() and page.inner_text("#notes") == ""
