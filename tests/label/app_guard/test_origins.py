"""Who may ask a server, and for which routes."""

from __future__ import annotations

import socket

import pytest

from tests.label.hostile import MODEL, VIEWER, ask, refused, send


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/reload"), ("POST", f"/infer/wsi/{MODEL}"), ("POST", f"/infer/wsi_v2/{MODEL}")]
)
def test_routes_that_are_closed(served, method, path):
    refused(ask(served, method, path, data={"wsi": "nonsense"}), 404)


def test_a_folder_of_ohif_is_no_page(served):
    refused(ask(served, "GET", "/ohif/assets"), 404)


@pytest.mark.parametrize("path", ["/proxy/dicom/studies", "/proxy/dicom/qido/studies", "/proxy/dicom/wado/x"])
def test_there_is_no_proxy_to_a_folder(served, path):
    refused(ask(served, "GET", path), 404)
    refused(ask(served, "POST", path, data=b"x"), 404)


@pytest.mark.parametrize(
    "headers",
    [
        *({"Origin": origin} for origin in ("https://evil.example", "null", "http://127.0.0.1", "http://localhost:1")),
        *({"Origin": origin} for origin in (f"{VIEWER}.evil.example", f"{VIEWER}:444", "http://viewer.example")),
        *({"Host": host} for host in ("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "x y")),
        {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
def test_strangers(served, headers):
    for method, path, options in (
        ("GET", "/info/", {}),
        ("PUT", "/datastore/image", {"params": {"image": "planted"}, "files": send()}),
        ("POST", f"/train/{MODEL}", {"json": {}}),
        ("DELETE", "/datastore/image", {"params": {"id": "picture"}}),
        ("OPTIONS", "/info/", {}),
    ):
        answer = ask(served, method, path, headers={**headers, "Access-Control-Request-Method": "PUT"}, **options)
        assert answer.status_code in (400, 403) and "Access-Control-Allow-Origin" not in answer.headers
        if headers.get("Host") not in ("", "x y"):  # which the HTTP library refuses
            refused(answer, 403)
    assert not (served.studies / "planted.png").exists() and (served.studies / "picture.png").exists()


def test_who_is_no_stranger(served):
    own = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
    assert ask(served, "POST", f"/infer/{MODEL}", params={"image": "picture"}, headers=own).status_code == 200
    alike = {"Origin": served.url.replace("127.0.0.1", "localhost"), "Sec-Fetch-Site": "cross-site"}
    assert ask(served, "GET", "/info/", headers=alike).headers["Access-Control-Allow-Origin"] == alike["Origin"]
    listed = {"Origin": VIEWER, "Sec-Fetch-Site": "cross-site"}
    answer = ask(served, "GET", "/info/", headers=listed)
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == VIEWER
    asked = {**listed, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    assert ask(served, "OPTIONS", "/datastore/image", headers=asked).status_code == 200
    error = ask(served, "GET", "/datastore/image", params={"image": "../x"}, headers=listed)
    assert error.status_code == 400 and error.headers["Access-Control-Allow-Origin"] == VIEWER
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(served, "GET", "/ohif/", headers=link).status_code == 200
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", socket.gethostname()):
        assert ask(served, "GET", "/info/", headers={"Host": host}).status_code == 200, host
