"""What a server hands on to a DICOMweb server; the latter is a stand-in that notes what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from monai_nlseg.label import write_app
from tests.label.server import Server, running

MODEL = "ultrasound_laednet_segmentation"


class Noting(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("remote")
    write_app(root / "app", [MODEL])
    with ThreadingHTTPServer(("127.0.0.1", 0), Noting) as dicomweb:
        Thread(target=dicomweb.serve_forever, daemon=True).start()
        studies = f"http://127.0.0.1:{dicomweb.server_port}/dicom-web"
        settings = {"MONAI_LABEL_DICOMWEB_CACHE_PATH": str(root / "cache"), "MONAI_LABEL_AUTO_UPDATE_SCORING": "false"}
        with running(root / "app", studies, [], conf={}, **settings) as server:
            yield server
        dicomweb.shutdown()


@pytest.fixture(autouse=True)
def asked() -> list[str]:
    Noting.asked.clear()
    return Noting.asked


@pytest.mark.parametrize("path", ["studies", "qido/studies", "wado/studies/1.2/series/1.3/instances/1.4/frames/1,2"])
def test_dicomweb_is_handed_on(served, asked, path):
    assert served.request("GET", f"/proxy/dicom/{path}").status_code == 200
    assert asked == [f"GET /dicom-web/{path.removeprefix('qido/').removeprefix('wado/')}"]


def test_instances_are_stored(served, asked):
    assert served.request("POST", "/proxy/dicom/stow/studies", data=b"x").status_code == 200
    assert asked == ["POST /dicom-web/studies"]


HOSTILE = [
    *("%252e%252e/changes", "studies/%252e%252e/%252e%252e/changes", "qido/../x", "studies%3Fx=1", "studies%23x", ""),
    *("studies/%0d%0aX:1", "http:%2f%2fevil.example", "@evil.example", "wado/..%5c..", "tools/execute-script"),
    *("servers/x/get", "studies//evil"),
]
NOT_STORED = ["tools/execute-script", "studies/1/series/2", "instances", "servers/x/stow"]


@pytest.mark.parametrize(
    ("method", "path"), [*(("GET", path) for path in HOSTILE), *(("POST", path) for path in NOT_STORED)]
)
def test_nothing_else_is_handed_on(served, asked, method, path):
    answer = served.request(method, f"/proxy/dicom/{path}", data=b"x" if method == "POST" else None)
    assert answer.status_code in (400, 404, 405), answer.text
    assert asked == []


@pytest.mark.parametrize("name", ["/etc", "..", "labels", "../app", "1.2/../..", "%2e%2e", "1..2", "1" * 65, "nothing"])
def test_ids_that_are_no_uid_reach_neither_disk_nor_server(served, asked, name):
    for method, path, params in (
        ("GET", "/datastore/image", {"image": name}),
        ("GET", "/datastore/label", {"label": name, "tag": "final"}),
        ("POST", f"/infer/{MODEL}", {"image": name}),
    ):
        answer = served.request(method, path, params=params)
        assert answer.status_code in (400, 404) and isinstance(answer.json()["detail"], str), answer.text
    assert asked == []


def test_series_that_are_not_there(served):
    answer = served.request("GET", "/datastore/image", params={"image": "1.2.3"})
    assert answer.status_code == 404 and "no image '1.2.3'" in answer.json()["detail"]
    assert served.request("POST", f"/infer/{MODEL}", params={"image": "1.2.3"}).status_code == 404
