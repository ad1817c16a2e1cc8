from __future__ import annotations

import pytest

from monai_nlseg.jobs.starts import STARTS, Starts


def test_a_worker_that_never_starts_is_given_up_while_others_go_on(caplog):
    starts = Starts()
    for number in range(STARTS):
        assert not starts.given_up(1), number
        starts.failed(1, 2, "it ended")
    assert starts.given_up(1) and not starts.given_up(0)
    assert caplog.messages == ["It ended, 3 times in a row: it is given up, others go on."]
    for _ in range(STARTS - 1):
        starts.failed(0, 2, "it ended")
    with pytest.raises(ValueError, match="^it ended, 3 times in a row, and no worker is left: see the system's log"):
        starts.failed(0, 2, "it ended")


def test_a_start_that_succeeds_wipes_out_those_that_failed():
    starts = Starts()
    for _ in range(5):
        for _ in range(STARTS - 1):
            starts.failed(0, 1, "it ended")
        starts.succeeded(0)
