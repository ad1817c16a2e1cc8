"""A server that asks who is there."""

from __future__ import annotations

from tests.label.conftest import T1
from tests.label.server import running
from tests.label.studies import write_t1


def test_without_a_token_nothing_is_answered(stock_app, tmp_path):
    _, labels = write_t1(tmp_path / "studies", "case_0", 0)
    with running(stock_app, tmp_path / "studies", [T1], MONAI_LABEL_AUTH_ENABLE="true") as server:
        answers = [
            server.request("GET", "/info/"),
            server.infer(T1, "case_0"),
            server.save_label(labels, "case_0"),
            server.request("POST", f"/train/{T1}", json={}),
        ]
        assert [answer.status_code for answer in answers] == [401] * 4
        assert not (server.studies / "labels").exists() or not any((server.studies / "labels").rglob("*.nii.gz"))
        assert server.request("GET", "/auth/").json()["enabled"] is True
