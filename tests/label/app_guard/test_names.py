"""Names, paths and parameters of requests."""

from __future__ import annotations

import json

import pytest

from tests.label.hostile import (
    ABSENT,
    CHANGED_BY_CLIENTS,
    HOSTILE,
    IN_PATHS,
    MODEL,
    NAMED,
    RAW,
    ask,
    raw,
    refused,
    send,
)


@pytest.mark.parametrize("place", NAMED)
def test_hostile_names(served, place):
    free = ("path of OHIF", "path of the proxy")
    for name in HOSTILE:
        if place in CHANGED_BY_CLIENTS and (set("\0\n") & set(name) or name in ("C:\\x", "C:x")):
            continue
        if place in IN_PATHS and name.startswith(".."):
            continue
        answer = NAMED[place](served, name)
        if place in free and answer.status_code in (200, 404):  # OHIF's page, or no DICOMweb server
            continue
        refused(answer)


@pytest.mark.parametrize("place", ["image of GET", "label", "label to remove", "image to remove", "session", "model"])
def test_what_is_not_there_is_not_found(served, place):
    refused(NAMED[place](served, ABSENT), 404)


@pytest.mark.parametrize(
    "place",
    ["image to segment", "session to segment", "model to segment", "strategy", "model to train", "model to write"],
)
def test_what_is_not_known_is_not_found(served, place):
    refused(NAMED[place](served, ABSENT), 404)


@pytest.mark.parametrize(
    "place", ["image of PUT /datastore/image", "image of GET", "image to remove", "image to segment"]
)
def test_links_out_of_the_studies(served, place):
    refused(NAMED[place](served, "outside"))
    assert "outside" not in ask(served, "GET", "/datastore/", params={"output": "all"}).json()["objects"]


@pytest.mark.parametrize("place", ["tag of a label", "label by tag", "tag to remove"])
def test_folders_of_labels_that_lead_elsewhere(served, place):
    refused(NAMED[place](served, "stolen"))


def test_a_file_of_the_working_folder_is_no_image(served):
    """MONAI Label would take it for the path of one."""
    refused(ask(served, "POST", f"/infer/{MODEL}", params={"image": "app"}), 404)


def test_two_images_at_once(served):
    """A file, and the name of another image."""
    for named in ({"image": "picture"}, {"session_id": ABSENT}):
        refused(ask(served, "POST", f"/infer/{MODEL}", params=named, files=send()))


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("GET", "/datastore/", {"output": "../x"}),
        ("GET", "/datastore/dataset", {"limit_cases": "x"}),
        ("GET", "/logs/", {"lines": 10**30}),
        ("GET", "/logs/", {"lines": "x"}),
        ("HEAD", "/datastore/image", {"image": "picture", "check_sum": "../x"}),
        ("POST", f"/infer/{MODEL}", {"image": "picture", "output": "../x"}),
        ("POST", f"/infer/{MODEL}", {"image": "picture", "output": "dicom_seg"}),
        ("POST", f"/infer/{MODEL}", {}),
        ("POST", f"/batch/infer/{MODEL}", {"images": "../x"}),
        ("PUT", "/session/", {"expiry": "x"}),
    ],
)
def test_parameters_of_other_kinds(served, method, path, params):
    answer = ask(served, method, path, params=params)
    if method == "HEAD":
        assert answer.status_code == 400
    else:
        refused(answer)


@pytest.mark.parametrize("path", RAW)
def test_paths_as_no_client_writes_them(served, path):
    status, body = raw(served, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert status == 400 and isinstance(json.loads(body)["detail"], str)
