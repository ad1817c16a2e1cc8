from __future__ import annotations

import json
from dataclasses import replace

import pytest

from monai_nlseg.training.cases.case import Classes, LabelClass
from monai_nlseg.training.fingerprint.json_text import from_json, to_json
from monai_nlseg.training.fingerprint.measure_data import fingerprint
from tests.training.fingerprint.small_data import boxes, data_of, intensities, volume_case

HOSTILE = "</td><script>alert(1)</script>[bold]\n"


@pytest.fixture
def found(tmp_path):
    classes = Classes((LabelClass(HOSTILE, (1,)), LabelClass("inner", (2,))))
    cases = [volume_case(tmp_path, name) for name in "abc"]
    broken = volume_case(tmp_path, "broken", intensities(0), boxes((12, 10, 7)))
    left_out = tuple(f"lonely{number}" for number in range(7))
    return fingerprint(data_of(*cases, broken, classes=classes, left_out=left_out), jobs=1)


def test_it_prints_as_a_table(found):
    text = str(found)
    assert "3D volumes, 3 of 4 cases usable, 3 subjects" in text
    assert "error: 1 case has a label map" in text
    assert "spacing, axis 2 (mm)" in text
    assert "3 of 3" in text
    assert "</td><script>alert(1)</script>[bold]\\n" in text
    assert "lonely4\nand 2 more" in text


def test_a_notebook_shows_it_with_names_escaped(found):
    html = found._repr_html_()
    assert "<script>" not in html
    assert "&lt;/td&gt;&lt;script&gt;" in html
    assert "lonely6" in html


def test_json_gives_back_the_same_value(found):
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(version=2), "version 2, expected 1"),
        (lambda content: content.pop("version"), "not readable JSON"),
        (lambda content: content["fingerprint"].pop("cases"), "damaged at 'cases'"),
        (lambda content: content.pop("fingerprint"), "damaged at"),
    ],
)
def test_json_that_is_not_a_fingerprint_is_refused(found, change, message):
    content = json.loads(to_json(found))
    change(content)
    with pytest.raises(ValueError, match=message):
        from_json(json.dumps(content))


def test_text_that_is_not_json_is_refused():
    with pytest.raises(ValueError, match="nlseg inspect"):
        from_json("{")


def test_a_class_without_any_voxel_has_an_empty_row(found):
    classes = Classes((*found.classes.foreground, LabelClass("none", (9,))))
    cases = tuple(replace(case, thickness={**case.thickness, "none": None}) for case in found.cases)
    row = replace(found, classes=classes, cases=cases).tables[2].rows[2]
    assert row == ("none", "9", "0 of 3", "", "", "", "")
