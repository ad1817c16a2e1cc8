"""A MONAI Label server in a process of its own, and the requests that annotators' programs send it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

START_SECONDS = 180
TASK_SECONDS = 600
# So that MONAI Label's own app for bundles does not ask the network for more.
STOCK = {"zoo_source": "ngc", "sam2": "false"}
# Whatever would ask the network ends here.
NOWHERE = "http://127.0.0.1:9"
OFFLINE = {
    **{name: NOWHERE for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")},
    **{"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "HF_HUB_OFFLINE": "1"},
}


class Server:
    """What the REST interface of a server at ``url`` offers, one method a request.

    Args:
        url: where it listens.
        log: file that it prints into.
        studies: folder of its images.
        app: folder of its app.
    """

    def __init__(self, url: str, log: Path, studies: Path, app: Path) -> None:
        self.url, self.log, self.studies, self.app = url, log, studies, app

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        # A connection of its own: after an error the server may close the one that the client would use again.
        with requests.Session() as session:
            session.trust_env = False  # no proxy to 127.0.0.1
            return session.request(method, self.url + path, timeout=TASK_SECONDS, **options)

    def info(self) -> dict[str, Any]:
        return self.request("GET", "/info/").json()

    def upload(self, path: Path, image: str) -> requests.Response:
        with path.open("rb") as file:
            return self.request("PUT", "/datastore/image", params={"image": image}, files={"file": (path.name, file)})

    def save_label(self, path: Path, image: str, **params: Any) -> requests.Response:
        with path.open("rb") as file:
            return self.request(
                "PUT",
                "/datastore/label",
                params={"image": image, "tag": "final"},
                files={"label": (path.name, file)},
                data={"params": json.dumps(params)},
            )

    def infer(self, model: str, image: str, output: str = "image", **params: Any) -> requests.Response:
        return self.request(
            "POST",
            f"/infer/{model}",
            params={"image": image, "output": output},
            data={"params": json.dumps({"device": "cpu", **params})},
        )

    def train(self, model: str, **params: Any) -> dict[str, Any]:
        """Train and wait for the end; the task with its "status" and the last lines it printed."""
        started = self.request("POST", f"/train/{model}", json={"model": model, "device": "cpu", **params})
        started.raise_for_status()
        return self._finished("/train/")

    def batch_infer(self, model: str, images: str) -> dict[str, Any]:
        """Infer all or the unlabelled images and wait for the end; the task."""
        started = self.request(
            "POST",
            f"/batch/infer/{model}",
            params={"images": images},
            json={"device": "cpu", "multi_gpu": False, "max_workers": 1, "label_tag": "original"},
        )
        started.raise_for_status()
        return self._finished("/batch/infer")

    def score(self, method: str) -> dict[str, Any]:
        """Score the unlabelled images and wait for the end; the task."""
        self.request("POST", f"/scoring/{method}", json={"device": "cpu"}).raise_for_status()
        return self._finished("/scoring/")

    def next_image(self, strategy: str, **params: Any) -> dict[str, Any]:
        """The image that a strategy offers, with what is known of it."""
        answer = self.request("POST", f"/activelearning/{strategy}", json=params)
        answer.raise_for_status()
        return answer.json()

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def prints(self, text: str, since: int) -> bool:
        """Whether ``text`` comes behind the first ``since`` characters; an error is printed after its answer."""
        return self.becomes(lambda: text in self.printed()[since:])

    def becomes(self, condition: Callable[[], bool]) -> bool:
        """Whether a condition holds within a minute: the machine may be busy."""
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def _finished(self, path: str) -> dict[str, Any]:
        end = time.monotonic() + TASK_SECONDS
        while (task := self.request("GET", path).json())["status"] in ("SUBMITTED", "RUNNING"):
            assert time.monotonic() < end, f"{path} has not ended: {task}"
            time.sleep(0.5)
        return task


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(
    app: Path, studies: Path | str, models: list[str], conf: Mapping[str, str] = STOCK, **environment: str
) -> Iterator[Server]:
    """A server of an app on a free port of 127.0.0.1, stopped with all its children whatever happens.

    Args:
        app: its folder.
        studies: folder of images, or URL of a DICOMweb server.
        models: of the app that are served.
        conf: what else is given by ``--conf``; the app of this package needs nothing.
        environment: settings of MONAI Label, MONAI_LABEL_...
    """
    port = free_port()
    log = app.parent / f"server_{port}.log"
    command = [sys.executable, "-m", "monailabel.main", "start_server", "--app", str(app), "--studies", str(studies)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += [word for pair in {"models": ",".join(models), **conf}.items() for word in ("--conf", *pair)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=app.parent,
            env={**os.environ, **OFFLINE, "OMP_NUM_THREADS": "1", **environment},
            start_new_session=True,
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", log, studies, app)
            _await(server, process)
            yield server
        finally:
            _stop(process)


def _await(server: Server, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None and time.monotonic() < end, f"no server:\n{server.printed()[-5000:]}"
        try:
            server.request("GET", "/info/")
            return
        except requests.ConnectionError:
            time.sleep(0.3)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            continue
