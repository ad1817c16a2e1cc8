"""Which labelled images are held out."""

from __future__ import annotations

import pytest

from monai_nlseg.label.training.data import LabelledImage
from monai_nlseg.label.training.split import split_images


def images(*names: str, negative: tuple[str, ...] = ()) -> list[LabelledImage]:
    """Of subjects that are what comes before "_"."""
    return [
        LabelledImage(name, f"{name}.png", f"l_{name}.png", name not in negative, name.split("_")[0])
        for name in sorted(names)
    ]


def names(part: list[LabelledImage]) -> list[str]:
    return [image.name for image in part]


LETTERS = [*"abcdefghij"]


@pytest.mark.parametrize(("count", "share", "held_out"), [(2, 0.2, 1), (5, 0.2, 1), (10, 0.3, 3), (10, 0.99, 9)])
def test_share_is_held_out(count, share, held_out):
    training, validation = split_images(images(*LETTERS[:count]), share)
    assert len(validation) == held_out and len(training) == count - held_out
    assert sorted(names(training) + names(validation)) == LETTERS[:count]


def test_depends_on_names_alone():
    first = split_images(images(*LETTERS), 0.3)
    assert first == split_images(images(*reversed(LETTERS)), 0.3)
    assert names(first[1]) != LETTERS[:3]  # in an order that says nothing of when they were taken


def test_subjects_stay_together():
    given = images(*(f"{subject}_{number}" for subject in range(5) for number in range(4)))
    training, validation = split_images(given, 0.2)
    assert len(validation) == 4
    assert not {image.subject for image in training} & {image.subject for image in validation}


def test_images_of_one_subject_are_parted():
    training, validation = split_images(images("7_1", "7_2", "7_3"), 0.2)
    assert (len(training), len(validation)) == (2, 1)


def test_what_served_weights_have_not_seen_is_held_out():
    for unseen in LETTERS:
        _, validation = split_images(images(*LETTERS), 0.1, seen=set(LETTERS) - {unseen})
        assert names(validation) == [unseen]
    _, validation = split_images(images(*LETTERS), 0.1, seen=LETTERS)
    assert len(validation) == 1


def test_each_part_has_something_labelled():
    for positive in ("ab", "cd", "ij", "ej"):
        given = images(*LETTERS, negative=tuple(set(LETTERS) - set(positive)))
        for part in split_images(given, 0.5):
            assert any(image.positive for image in part)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r"0 of 0 images that this model takes have something labelled: at least two are needed"),
        (images("a"), r"1 of 1 images that this model takes have something labelled: at least two are needed"),
        (images("a", "b", "c", negative=("a", "b")), r"1 of 3 images that this model takes have something labelled"),
    ],
)
def test_too_few_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        split_images(given, 0.2)
