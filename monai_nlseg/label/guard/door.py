"""The choice of requests that reach MONAI Label, by path, host and the web page that sends them."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping

from monai_nlseg.bounds import shown
from monai_nlseg.label.addresses import serves_as
from monai_nlseg.label.guard.answers import App, Receive, Scope, Send, refuse, route
from monai_nlseg.label.guard.names import spellings

CLOSED = {
    "/reload": "the app is loaded once: to load it again, start the server again.",
    "/infer/wsi/": "this app segments no whole slides: ask for /infer/MODEL.",
    "/infer/wsi_v2/": "this app segments no whole slides: ask for /infer/MODEL.",
}
"""Beginnings of paths that this app does not serve, and why."""
PROXY = "/proxy/"
MOST_LETTERS = 4_000


class Door:
    """ASGI middleware that refuses foreign hosts and pages (403), paths that lead out of their folder (400), and some
    routes of MONAI Label (404).

    Args:
        app: the application behind it.
        origins: origins of web pages that may use the server, besides its own.
        hosts: further names of the server, see :func:`monai_nlseg.label.addresses.serves_as`.
        prefix: what the paths of MONAI Label's routes begin with.
    """

    def __init__(self, app: App, origins: Collection[str], hosts: Collection[str], prefix: str = "") -> None:
        self.app, self.origins, self.hosts, self.prefix = app, origins, hosts, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on.

        Args:
            scope: the request, as ASGI gives it.
            receive: receives the parts of the body.
            send: sends the parts of the answer.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif reason := self._stranger(scope):
            await refuse(scope, send, 403, reason)
        elif reason := _wrong_path(route(scope, self.prefix), scope.get("raw_path") or b""):
            await refuse(scope, send, 400, reason)
        elif reason := _closed(route(scope, self.prefix)):
            await refuse(scope, send, 404, reason)
        else:
            await self.app(scope, receive, send)

    def _stranger(self, scope: Scope) -> str | None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [""])
        for host in hosts:
            if not serves_as(host, self.hosts):
                return (
                    f"this server has no name {shown(host)}: ask it by its address, or start it with --conf hosts NAME."
                )
        own = {f"{scope.get('scheme', 'http')}://{host.lower()}" for host in hosts}
        for origin in headers.get("origin", []):
            if origin.lower() not in {*own, *self.origins}:
                return f"pages of {shown(origin)} may not use this server: list them by --conf origins at its start."
        if "origin" not in headers and _from_elsewhere(scope["method"], headers):
            return "another web page may not load this into itself: open it in a window of its own."
        return None


def _from_elsewhere(method: str, headers: Mapping[str, list[str]]) -> bool:
    """Return whether a browser says that another page asks, and not by a link that was followed."""
    site, mode, target = (headers.get(f"sec-fetch-{name}", [""])[0] for name in ("site", "mode", "dest"))
    followed = method in ("GET", "HEAD") and mode == "navigate" and target == "document"
    return site in ("cross-site", "same-site") and not followed


def _wrong_path(path: str, raw: bytes) -> str | None:
    if len(path) > MOST_LETTERS:
        return f"the path is longer than {MOST_LETTERS} letters: ask for a shorter one."
    if b"%2f" in raw.lower():  # it would begin another part of the path
        return f"the path {shown(path)} is refused: names have no slashes."
    for form in spellings(path):
        parts = form.replace("\\", "/").split("/")
        if "\\" in form or not form.isprintable() or ".." in parts or "." in parts:
            return f"the path {shown(path)} is refused: ask without dots, backslashes and control characters in it."
        if "//" in form and not form.startswith(PROXY):
            return f"the path {shown(path)} is refused: names have no slashes."
    return None


def _closed(path: str) -> str | None:
    if path == "/logs/gpu" and not shutil.which("nvidia-smi"):
        return "there is nothing to see: this machine has no nvidia-smi."
    return next((reason for begin, reason in CLOSED.items() if path.startswith(begin)), None)
