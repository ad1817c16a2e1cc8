"""What is refused of clients: names, settings, archives and paths, and the requests that send them."""

from __future__ import annotations

import io
import json
import pickle
import socket
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
import torch
from PIL import Image

from tests.label.server import Server

MODEL = "ultrasound_laednet_segmentation"
SCORE = f"{MODEL}_disagreement"
VIEWER = "https://viewer.example"
ABSENT = "0" * 8
HOSTILE = [
    *("../app/main", "..", "../../app/app.json", "/etc/passwd", "a/b", "..\\app\\main", "C:\\x", "C:x", "a\0b", "a\nb"),
    *("%2e%2e%2fapp%2fmain", "%252e%252e%252fx", ".lock", "x" * 300, "é" * 150),
]
"""In the place of any name."""


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), 9, dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


def refused(answer: Any, status: int = 400) -> None:
    assert answer.status_code == status, (answer.status_code, answer.text)
    detail = answer.json()["detail"]
    assert isinstance(detail, str) and detail and "\n" not in detail and "Traceback" not in detail


def ask(server: Server, method: str, path: str, **options: Any) -> Any:
    return server.request(method, path, allow_redirects=False, **options)


def send(name: str = "new.png", content: bytes | None = None) -> dict[str, Any]:
    return {"file": (name, png() if content is None else content)}


NAMED: dict[str, Callable[[Server, str], Any]] = {
    "image of PUT /datastore/": lambda s, name: ask(s, "PUT", "/datastore/", params={"image": name}, files=send()),
    "image of PUT /datastore/image": lambda s, name: ask(
        s, "PUT", "/datastore/image", params={"image": name}, files=send()
    ),
    "image of GET": lambda s, name: ask(s, "GET", "/datastore/image", params={"image": name}),
    "image info": lambda s, name: ask(s, "GET", "/datastore/image/info", params={"image": name}),
    "image info to write": lambda s, name: ask(
        s, "PUT", "/datastore/image/info", params={"image": name}, data={"info": "{}"}
    ),
    "image to remove": lambda s, name: ask(s, "DELETE", "/datastore/image", params={"id": name}),
    "image to remove, deprecated": lambda s, name: ask(s, "DELETE", "/datastore/", params={"id": name}),
    "image of a label": lambda s, name: ask(
        s, "PUT", "/datastore/label", params={"image": name}, files={"label": ("l.png", png())}
    ),
    "tag of a label": lambda s, name: ask(
        s, "PUT", "/datastore/label", params={"image": "picture", "tag": name}, files={"label": ("l.png", png())}
    ),
    "label": lambda s, name: ask(s, "GET", "/datastore/label", params={"label": name, "tag": "final"}),
    "label by tag": lambda s, name: ask(s, "GET", "/datastore/label", params={"label": "picture", "tag": name}),
    "label info": lambda s, name: ask(s, "GET", "/datastore/label/info", params={"label": name, "tag": "final"}),
    "label info to write": lambda s, name: ask(
        s, "PUT", "/datastore/updatelabelinfo", params={"label": "picture", "tag": name}, data={"params": "{}"}
    ),
    "label to remove": lambda s, name: ask(s, "DELETE", "/datastore/label", params={"id": name, "tag": "final"}),
    "tag to remove": lambda s, name: ask(s, "DELETE", "/datastore/label", params={"id": "picture", "tag": name}),
    "image to segment": lambda s, name: ask(s, "POST", f"/infer/{MODEL}", params={"image": name}),
    "session to segment": lambda s, name: ask(s, "POST", f"/infer/{MODEL}", params={"session_id": name}),
    "model to segment": lambda s, name: ask(s, "POST", f"/infer/{quote(name, safe='')}", params={"image": "picture"}),
    "session": lambda s, name: ask(s, "GET", f"/session/{quote(name, safe='')}"),
    "session to remove": lambda s, name: ask(s, "DELETE", f"/session/{quote(name, safe='')}"),
    "model": lambda s, name: ask(s, "GET", f"/model/{quote(name, safe='')}"),
    "model to write": lambda s, name: ask(s, "PUT", f"/model/{quote(name, safe='')}", files=send("w.pt")),
    "model to train": lambda s, name: ask(s, "POST", f"/train/{quote(name, safe='')}", json={}),
    "method of scoring": lambda s, name: ask(s, "POST", f"/scoring/{quote(name, safe='')}", json={}),
    "strategy": lambda s, name: ask(s, "POST", f"/activelearning/{quote(name, safe='')}", json={}),
    "tag of a batch": lambda s, name: ask(s, "POST", f"/batch/infer/{MODEL}", json={"label_tag": name}),
    "images of a batch": lambda s, name: ask(s, "POST", f"/batch/infer/{MODEL}", json={"images": [name]}),
    "name of an upload": lambda s, name: ask(s, "PUT", "/datastore/image", files=send(f"{name}.png")),
    "suffix of an upload": lambda s, name: ask(s, "PUT", "/datastore/image", files=send(f"new.{name}")),
    "suffix of a label": lambda s, name: ask(
        s, "PUT", "/datastore/label", params={"image": "picture"}, files={"label": (f"l.{name}", png())}
    ),
    "file of a session": lambda s, name: ask(s, "PUT", "/session/", files={"files": (f"{name}.png", png())}),
    "suffix of a result": lambda s, name: s.infer(MODEL, "picture", result_extension=name),
    "device": lambda s, name: s.infer(MODEL, "picture", device=name),
    "path of OHIF": lambda s, name: ask(s, "GET", f"/ohif/{quote(name, safe='')}"),
    "path of the proxy": lambda s, name: ask(s, "GET", f"/proxy/dicom/{quote(name, safe='')}"),
}
CHANGED_BY_CLIENTS = ("name of an upload", "suffix of an upload", "suffix of a label", "file of a session")
"""Control characters by the client, drives by the server's reader of forms, which takes the last part."""
IN_PATHS = [
    place
    for place in NAMED
    if "path" in place
    or place
    in (
        "model to segment",
        "session",
        "session to remove",
        "model",
        "model to write",
        "model to train",
        "method of scoring",
        "strategy",
    )
]
"""Which clients shorten where they climb."""


class Planted:
    """What makes a file where it is unpickled."""

    def __reduce__(self) -> Any:
        return open, ("planted", "w")


def saved(state: Any) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def changed(weights: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    return saved(change(torch.load(io.BytesIO(weights), weights_only=True)))


WEIGHTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "junk": lambda _: b"junk",
    "cut": lambda good: good[: len(good) // 2],
    "pickle": lambda _: pickle.dumps(Planted()),
    "pickle within": lambda _: saved({"x": Planted()}),
    "a list": lambda _: saved([1]),
    "a key less": lambda good: changed(good, lambda state: dict(list(state.items())[1:])),
    "NaN": lambda good: changed(good, lambda state: {name: value * float("nan") for name, value in state.items()}),
}
"""Of the weights that are served."""

PARAMS = [
    *("nonsense", "[]", "1", '"x"', "{", '{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}', '{"a": -1e300}'),
    *('{"a": 1' + "0" * 30 + "}", '{"a": 1' + "0" * 5000 + "}", '{"a": ' * 100 + "1" + "}" * 100, "[" * 100_000),
    *('{"a": "\\u0000"}', '{"a": "\\ud800"}', json.dumps({"a": "x" * 20_000}), json.dumps({"a": [0] * 110_000})),
]
SETTINGS: list[dict[str, Any]] = [
    *({"device": value} for value in (["../x"], {}, 1, True, "meta", "x" * 999, [])),
    *({"client_id": value} for value in (1, [], {}, "x" * 999, "a\nb")),
    *({"model": "other"}, {"method": "x"}, {"strategy": "x"}, {"image": "/etc/passwd"}, {"session": {}}),
    *({"file": "/etc/passwd"}, {"output": "x"}, {"datastore": "x"}, {"bundle_path": "/tmp"}, {"local_rank": 0}),
]
OF_TASKS: list[dict[str, Any]] = [
    {"gpus": 1},
    {"gpus": "../x"},
    {"max_workers": -1},
    {"multi_gpu": "x"},
    {"logging": 1},
]
OF_INFERENCE: list[dict[str, Any]] = [
    *({"save_label": True}, {"label_tag": "final"}, {"result_extension": ".exe"}, {"result_extension": ["x"]}),
    *({"label_info": "x"}, {"label_info": [1]}, {"label_info": [{"name": 1}]}, {"label_info": [{"idx": "x"}]}),
    *({"restore_label_idx": "x"}, {"restore_label_idx": {}}, {"label": "../x"}, {"timeout": -1}, {"timeout": "x"}),
]
JSON_ROUTES = [f"/train/{MODEL}", "/train/", f"/scoring/{SCORE}", "/scoring/", "/activelearning/random"]


def zipped(*members: tuple[str, bytes], mode: int = 0) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tarred(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, size if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(bytes(size)))
    return file.getvalue()


ARCHIVES = {
    "climbs.zip": lambda: zipped(("../../app/main.py", b"x")),
    "absolute.zip": lambda: zipped(("/tmp/x.png", b"x")),
    "backslash.zip": lambda: zipped(("..\\x.png", b"x")),
    "link.zip": lambda: zipped(("x.png", b"/etc/passwd"), mode=0o120777),
    "bomb.zip": lambda: zipped(("x.png", bytes(50_000_000))),
    "twice.zip": lambda: zipped(("x.png", b"1"), ("./x.png", b"2")),
    "damaged.zip": lambda: zipped(("x.png", b"1"))[:-30],
    "climbs.tar.gz": lambda: tarred("../../x.png"),
    "absolute.tar.gz": lambda: tarred("/tmp/x.png"),
    "symlink.tar.gz": lambda: tarred("x.png", tarfile.SYMTYPE, "/etc/passwd"),
    "hardlink.tar.gz": lambda: tarred("x.png", tarfile.LNKTYPE, "/etc/passwd"),
    "device.tar.gz": lambda: tarred("x.png", tarfile.CHRTYPE),
    "pipe.tar.gz": lambda: tarred("x.png", tarfile.FIFOTYPE),
    "bomb.tar.gz": lambda: tarred("x.png", size=50_000_000),
    "other.rar": lambda: b"Rar!",
}


RAW = [
    *(
        "/../etc/passwd",
        "/static/../../app.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/session/%2e%2e",
        "/model/..%2f..%2fx",
    ),
    *("/ohif/..%5c..%5cx", "/ohif/%252e%252e/x", "/static/%00", "//etc/passwd", "/model/%2fetc%2fpasswd"),
]


def raw(server: Server, text: str) -> tuple[int, str]:
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60) as connection:
        connection.sendall(text.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]
