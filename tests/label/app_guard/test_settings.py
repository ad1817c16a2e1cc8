"""Settings that requests give as JSON."""

from __future__ import annotations

import json

import pytest

from tests.label.hostile import (
    JSON_ROUTES,
    MODEL,
    OF_INFERENCE,
    OF_TASKS,
    PARAMS,
    SCORE,
    SETTINGS,
    ask,
    png,
    refused,
    send,
)


@pytest.mark.parametrize("text", PARAMS, ids=lambda text: text[:12])
def test_params_that_are_no_object(served, text):
    refused(ask(served, "POST", f"/infer/{MODEL}", params={"image": "picture"}, data={"params": text}))
    put = {"params": {"image": "picture"}, "data": {"params": text}}
    refused(ask(served, "PUT", "/datastore/label", files={"label": ("l.png", png())}, **put))
    refused(ask(served, "PUT", "/datastore/image", files=send(), **{**put, "params": {"image": "new"}}))
    refused(ask(served, "PUT", "/datastore/image/info", params={"image": "picture"}, data={"info": text}))
    json_type = {"Content-Type": "application/json"}
    for path in (*JSON_ROUTES, f"/batch/infer/{MODEL}"):
        refused(ask(served, "POST", path, data=text, headers=json_type))


@pytest.mark.parametrize("settings", [*SETTINGS, *OF_INFERENCE], ids=str)
def test_settings_of_an_inference(served, settings):
    data = {"params": json.dumps(settings)}
    refused(ask(served, "POST", f"/infer/{MODEL}", params={"image": "picture"}, data=data))


@pytest.mark.parametrize("settings", [*SETTINGS, *OF_TASKS], ids=str)
def test_settings_of_tasks(served, settings):
    for path in (*JSON_ROUTES, f"/batch/infer/{MODEL}"):
        if "device" in settings and path.startswith("/activelearning"):
            continue  # which it does not read
        refused(ask(served, "POST", path, json=settings))


@pytest.mark.parametrize(
    "settings",
    [
        *({"max_epochs": value} for value in ("x", 0, -1, 1.5, 10**6, [], {}, "1e400")),
        *({"val_split": value} for value in ("x", 0, 1, -0.5, [])),
        *({MODEL: value} for value in ([], 1, {"max_epochs": "x"}, {"device": {}})),
    ],
    ids=str,
)
def test_settings_of_trainings(served, settings):
    refused(ask(served, "POST", "/train/", json=settings))
    if MODEL not in settings:
        refused(ask(served, "POST", f"/train/{MODEL}", json=settings))
    refused(ask(served, "GET", "/train/"), 404)  # none has begun


@pytest.mark.parametrize(
    "name", ["path", "strategy", "ts", "name", "id", "score", "weight", SCORE, f"{SCORE}_weights", f"{SCORE}_error"]
)
def test_notes_of_the_server_are_its_own(served, name):
    """A strategy would fail on them for good, or answer with the name of another image."""
    info = json.dumps({name: "x"})
    refused(ask(served, "PUT", "/datastore/image/info", params={"image": "picture"}, data={"info": info}))
    refused(ask(served, "PUT", "/datastore/image", params={"image": "n"}, files=send(), data={"params": info}))
    noted = ask(served, "GET", "/datastore/image/info", params={"image": "picture"}).json()
    assert noted.get(name) != "x"
