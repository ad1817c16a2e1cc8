from __future__ import annotations

import pytest

from monai_nlseg.experiments import Options
from monai_nlseg.io.validation import validated


@pytest.mark.parametrize(
    "options, message",
    [
        ({"runner": "slurm"}, "runner is 'slurm': choose local, ray."),
        ({"address": "auto"}, "address is an option of Ray: give runner ray, too."),
        ({"jobs": 0}, "jobs is 0: give a whole number from 1 to 1,024."),
        ({"processes": 0}, "processes is 0: give a whole number from 1 to 1,024."),
        ({"processes": True}, "processes is True: give a whole number from 1 to 1,024."),
        ({"job": 1}, "the options has the key 'job', which is unknown: did you mean jobs?"),
    ],
)
def test_wrong_ones_are_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError) as refusal:
        validated(Options, options, "the options")
    assert str(refusal.value) == message
    with pytest.raises(ValueError):
        Options(**options)


@pytest.mark.parametrize(("given", "jobs", "expected"), [("3", 2, 3), ("", 2, 4), ("", 16, 1)])
def test_threads_are_a_job_s_share_unless_given(monkeypatch, given, jobs, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr("monai_nlseg.experiments.options.available_cpus", lambda: 8)
    assert Options(jobs=jobs).resources.threads == expected
