"""The subjects of cases."""

from __future__ import annotations

import pytest

from monai_nlseg.training.cases.find import find_data
from monai_nlseg.training.cases.found import FoundCase
from monai_nlseg.training.cases.subjects import likely_subjects, subjects_of
from tests.training.cases.folder import touch


def cases(*names, **columns):
    return [FoundCase(name, ("i",), ("l",), columns=columns) for name in names]


@pytest.mark.parametrize(
    ("name", "subject"),
    [("sub-01_ses-1", "sub-01"), ("site/sub-A2/anat/x", "sub-A2"), ("12_3", "12_3"), ("mysub-1", "mysub-1")],
)
def test_a_case_is_its_own_subject_unless_bids_says_more(name, subject):
    assert subjects_of(cases(name)) == [subject]


def test_a_column_and_a_pattern_may_be_the_subject():
    assert subjects_of(cases("a", subject="P")) == ["P"]
    assert subjects_of(cases("a", subject="P", family="F"), "family") == ["F"]
    assert subjects_of(cases("Image_01L", "Image_01R", "Image_02L"), r"Image_(\d+)") == ["01", "01", "02"]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        (r"(\d+", "is no regular expression"),
        (r"\d+", "neither a column nor a pattern with one group"),
        (r"(\d)(\d)", "neither a column nor a pattern with one group"),
        (r"case(\d+)", r"is not found in 2 of 2 names, such as 'Image_01L'"),
        (r"(x?)", "is not found in 2 of 2 names"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(pattern, sentence):
    with pytest.raises(ValueError, match=sentence):
        subjects_of(cases("Image_01L", "Image_02L"), pattern)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["Image_01L", "Image_01R"], True),
        (["010_HC", "010_2HC"], True),
        (["p1/a", "p1/b"], True),
        (["AB_v1", "AB_v2"], True),
        (["AB/left", "AB/right"], True),
        (["AB-visit-1_t1", "AB-visit-2_t1"], True),
        (["liver_a", "liver_b"], False),
        (["IBSR_01", "IBSR_03"], False),
        (["benign (1)", "benign (10)"], False),
        (["3f2a", "3b11"], False),
    ],
)
def test_names_that_may_be_of_one_subject_are_noted(names, said):
    note = likely_subjects(names, names)
    assert (note is not None) == said
    if note:
        assert f"'{names[0]}' and '{names[1]}' may show one subject" in note
        assert likely_subjects(names, ["one", "one"]) is None


def test_the_pattern_that_the_note_offers_keeps_the_subjects_together(tmp_path):
    touch(tmp_path, *(f"Image_0{n}{side}{end}.png" for n in (1, 2) for side in "LR" for end in ("", "_mask")))
    (note,) = find_data(tmp_path).notes
    data = find_data(tmp_path, subject=note.partition("--subject '")[2].partition("'")[0])
    assert [case.subject for case in data.cases] == ["Image_01", "Image_01", "Image_02", "Image_02"]
    assert data.notes == ()


def test_the_pattern_for_visits_keeps_the_subjects_together(tmp_path):
    touch(tmp_path, *(f"{name}_{visit}{end}.png" for name in "AB" for visit in ("v1", "v2") for end in ("", "_mask")))
    (note,) = find_data(tmp_path).notes
    data = find_data(tmp_path, subject=note.partition("--subject '")[2].partition("'")[0])
    assert [case.subject for case in data.cases] == ["A", "A", "B", "B"]
