"""Images, archives and weights that are sent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.label.hostile import ARCHIVES, MODEL, WEIGHTS, ask, png, refused, saved, send, zipped


@pytest.mark.parametrize("name", ["new.json", "new.py", "new", "new.xml", "new.html", "new.exe", "new.zip", "new.hdr"])
def test_uploads_of_other_formats(served, name):
    refused(ask(served, "PUT", "/datastore/image", files=send(name)))
    refused(ask(served, "PUT", "/datastore/label", params={"image": "picture"}, files={"label": (name, b"x")}))
    refused(ask(served, "POST", f"/infer/{MODEL}", files=send(name)))
    refused(ask(served, "PUT", f"/model/{MODEL}", files=send(name)))


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(served, name):
    temporary = served.app.parent / "temporary"
    before = set(temporary.iterdir())
    answer = ask(served, "PUT", "/session/", params={"uncompress": True}, files={"files": (name, ARCHIVES[name]())})
    refused(answer)
    # What the server makes for itself meanwhile goes again; what were unpacked would stay.
    until = time.monotonic() + 60
    while left := {
        path for path in set(temporary.iterdir()) - before if path.is_dir() and path.name != "torchinductor"
    }:
        assert time.monotonic() < until, left
        time.sleep(0.1)


def test_sessions(served):
    """An archive of one picture, and what of it is reached."""
    archive = zipped(("folder/picture.png", (served.studies / "picture.png").read_bytes()), ("folder/.DS_Store", b"x"))
    made = ask(served, "PUT", "/session/", params={"uncompress": True}, files={"files": ("a.zip", archive)})
    assert made.status_code == 200, made.text
    name = made.json()["session_id"]
    answer = ask(served, "POST", f"/infer/{MODEL}", params={"session_id": name, "output": "image"})
    assert answer.status_code == 200 and answer.content == served.infer(MODEL, "picture").content
    refused(ask(served, "GET", f"/session/{name}", params={"image": True}))  # a folder
    store = Path(made.json()["session_info"]["path"])
    (store / "meta.info").write_text(json.dumps({**made.json()["session_info"], "image": "/etc/passwd"}))
    other = store.parent / "planted"
    shutil.copytree(store, other)
    refused(ask(served, "GET", "/session/planted", params={"image": True}))
    refused(ask(served, "POST", f"/infer/{MODEL}", params={"session_id": "planted"}))
    two = [("files", ("x.png", png())), ("files", ("x.png", png()))]
    refused(ask(served, "PUT", "/session/", files=two))
    refused(ask(served, "PUT", "/session/", files={"files": ("meta.info", b"{}")}))
    assert ask(served, "DELETE", f"/session/{name}").status_code == 200 and not store.exists()


@pytest.mark.parametrize("sent", WEIGHTS)
def test_weights_that_do_not_fit(served, sent):
    """Those that are served stay, and what is computed by them."""
    (path,) = served.app.glob("model/*/models/model.pt")
    before, image = path.read_bytes(), served.infer(MODEL, "picture").content
    refused(ask(served, "PUT", f"/model/{MODEL}", files=send("w.pt", WEIGHTS[sent](before))))
    assert path.read_bytes() == before and not list(path.parent.glob(".nlseg-*"))
    assert served.infer(MODEL, "picture").content == image and not (served.app.parent / "planted").exists()


def test_weights_that_fit(served):
    (path,) = served.app.glob("model/*/models/model.pt")
    kept, times, image = path.read_bytes(), path.stat(), served.infer(MODEL, "picture").content
    state = torch.load(path, weights_only=True)
    zeros = saved({name: torch.zeros_like(value) for name, value in state.items()})
    try:
        assert ask(served, "PUT", f"/model/{MODEL}", files=send("w.pt", zeros)).status_code == 200
        assert path.read_bytes() == zeros and served.infer(MODEL, "picture").content != image
    finally:
        answer = ask(served, "PUT", f"/model/{MODEL}", files=send("w.pth", kept))
    assert answer.status_code == 200 and answer.json()["checksum"].endswith(hashlib.sha256(kept).hexdigest())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert served.infer(MODEL, "picture").content == image


def test_nothing_of_a_refused_request_is_left(served):
    """MONAI Label keeps what was sent, in the temporary folder, where an answer is an error."""
    temporary = served.app.parent / "temporary"

    def left() -> set[Path]:
        return {path for path in temporary.iterdir() if path.suffix in (".png", ".pt")}

    before = left()
    refused(ask(served, "POST", f"/infer/{MODEL}", files=send(content=b"no picture")))
    refused(ask(served, "PUT", "/datastore/label", params={"image": "absent"}, files={"label": ("l.png", png())}), 404)
    refused(ask(served, "PUT", f"/model/{MODEL}", files=send("w.pt", b"none")))
    assert left() <= before


def test_bodies_that_are_too_long(served):
    """10 MiB of files here, and 1 MiB of all else."""
    refused(ask(served, "PUT", "/datastore/image", files=send(content=bytes(11 << 20))), 413)
    refused(ask(served, "POST", f"/train/{MODEL}", json={"x": "x" * (2 << 20)}), 413)
    boundary = b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.png"\r\n\r\n'

    def chunks() -> Iterator[bytes]:
        yield boundary
        for _ in range(12):
            yield bytes(1 << 20)

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(ask(served, "PUT", "/datastore/image", data=chunks(), headers=kind), 413)
    assert not (served.studies / "big.png").exists()
    refused(ask(served, "POST", f"/train/{MODEL}", data=chunks(), headers=kind), 413)


def test_images_that_are_sent(served):
    """Upload an image as the plugin of 3D Slicer does."""
    picture = (served.studies / "picture.png").read_bytes()
    client = {"params": json.dumps({"client_id": "somebody"})}
    put = ask(served, "PUT", "/datastore/", params={"image": "case 1 (left)"}, files=send(content=picture), data=client)
    assert put.status_code == 200, put.text
    try:
        got = ask(served, "GET", "/datastore/image", params={"image": "case 1 (left)"})
        assert got.status_code == 200 and got.content == picture
        answer = served.infer(MODEL, "case 1 (left)", client_id=None, result_extension=".nrrd", foo=[1])
        assert answer.status_code == 200, answer.text
        sent = ask(served, "POST", f"/infer/{MODEL}", params={"output": "image"}, files=send(content=picture))
        assert sent.status_code == 200 and sent.content == served.infer(MODEL, "picture").content
        label = served.save_label(served.studies / "picture.png", "case 1 (left)", label_info=[{"name": "x", "idx": 1}])
        assert label.status_code == 200, label.text
        assert ask(served, "GET", "/datastore/dataset").status_code == 200
    finally:
        assert ask(served, "DELETE", "/datastore/image", params={"id": "case 1 (left)"}).status_code == 200
    refused(ask(served, "GET", "/datastore/dataset"), 404)


def test_the_list_of_images_is_read_as_data(served):
    """Files that were planted by hand, or by a server without these rules, are left out."""
    path = served.studies / "datastore_v2.json"
    kept = path.read_text()
    listed = json.loads(kept)
    listed["objects"]["../elsewhere/secret"] = {"image": {"ext": ".png", "info": {}}, "labels": {}}
    try:
        path.write_text(json.dumps(listed))
        os.utime(path, (1, 1))
        refused(ask(served, "GET", "/datastore/image", params={"image": "../elsewhere/secret"}))
        assert served.becomes(lambda: "'../elsewhere/secret.png' is refused" in served.printed())
    finally:
        path.write_text(kept)
