from __future__ import annotations

import pytest

from monai_nlseg.jobs.limits import Limits
from monai_nlseg.jobs.queue import DEATHS, Fault

CASE = {"task": "case", "loaded": "bundle"}


def test_reading_has_a_limit_even_if_a_task_has_none():
    assert Limits().reading == 1800 and Limits(7200).reading == 7200 and Limits(read_seconds=5).reading == 5
    words = (
        "reading the case took more than 5 s: check the disk or network that its files are on, give a longer limit for "
        "a case, or leave it out."
    )
    assert Limits(read_seconds=5, **CASE).reading_fault("a") == Fault(words, 1, "a")


@pytest.mark.parametrize(
    ("fault", "words", "times"),
    [
        (
            Limits(6, **CASE).time_fault(),
            "the case took more than its limit of 6 s: raise the limit, or leave it out.",
            1,
        ),
        (
            Limits(6, **CASE).reading_fault("a"),
            "the case took more than its limit of 6 s: raise the limit, or leave it out.",
            1,
        ),
        (
            Limits(None, 1_200_000_000, **CASE).memory_fault(),
            "the case took more memory than its limit of 1.2 GB: raise the limit, or leave it out.",
            1,
        ),
        (Limits(**CASE).load_fault(), "a worker did not load the bundle within 1800 s", DEATHS),
        (
            Limits(**CASE).death("a worker ended with exit code 7", "see the system's log", False, True),
            "a worker ended with exit code 7 while it held the case: see the system's log, or leave the case out.",
            DEATHS,
        ),
        (Limits(**CASE).death("it ended", "see", True, True), "it ended while it loaded the bundle", DEATHS),
        (Limits().death("it ended", "see", True, False), "it ended while it loaded the program", 0),
    ],
)
def test_each_limit_has_its_sentence(fault, words, times):
    assert (fault.text, fault.times) == (words, times)


def test_a_limit_that_no_task_could_keep_is_refused():
    Limits(None, 10**9).require_room(10**9)
    Limits().require_room(10**12)
    words = "a worker takes 2 GB with the bundle alone, more than the limit of 1 GB: raise the limit"
    with pytest.raises(ValueError, match=words):
        Limits(None, 10**9, **CASE).require_room(2 * 10**9)
