from __future__ import annotations

import pytest

from monai_nlseg.data.ultrasound_tasks import ULTRASOUND_TASKS, ultrasound_task

# 120 cases: every fourth is negative, two of each subject.
CASES = [
    {
        "case": str(number),
        "subject": str(number // 2),
        "positive": number % 4 > 0,
        "class": ("normal", "benign", "malignant", "benign")[number % 4],
    }
    for number in range(120)
]


@pytest.mark.parametrize(("task", "sizes"), [("nerve", (108, 12)), ("breast", (96, 24)), ("fetal-head", (96, 24))])
def test_every_case_is_in_one_part(task, sizes):
    train, validation = ultrasound_task(task).split(CASES)
    assert (len(train), len(validation)) == sizes
    assert {case["case"] for case in train}.isdisjoint(case["case"] for case in validation)
    assert ultrasound_task(task).split(CASES, seed=1) != [train, validation]
    assert ultrasound_task(task).split(CASES) == [train, validation]


def test_classes_keep_their_share_and_fetuses_their_part():
    _, nerve = ultrasound_task("nerve").split(CASES)
    assert sum(case["positive"] for case in nerve) == 9
    _, breast = ultrasound_task("breast").split(CASES)
    assert [sum(case["class"] == name for case in breast) for name in ("normal", "benign", "malignant")] == [6, 12, 6]
    train, head = ultrasound_task("fetal-head").split(CASES)
    assert {case["subject"] for case in train}.isdisjoint(case["subject"] for case in head)


def test_only_nerve_is_undersampled_and_only_the_head_is_one_contour():
    assert [name for name, task in ULTRASOUND_TASKS.items() if task.undersampled] == ["nerve"]
    assert [name for name, task in ULTRASOUND_TASKS.items() if task.contour] == ["fetal-head"]
    assert [name for name, task in ULTRASOUND_TASKS.items() if task.connected] == ["fetal-head"]


def test_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task 'heart' is unknown: choose from nerve, breast, fetal-head."):
        ultrasound_task("heart")
