"""The limit on the size of a request."""

from __future__ import annotations

from fastapi import HTTPException

from monai_nlseg.label.guard.answers import App, Message, Receive, Scope, Send, refuse, route

MOST_TEXT = 1 << 20
MOST_IN_MEMORY = 256 << 20
MOST_READ_IN_VAIN = 64 << 20
"""Most bytes that are read of a refused request: a client that is still sending would not see the answer."""
WITH_FILES = ("/datastore", "/infer/", "/model/", "/session")
PROXY = "/proxy/"


class BodyLimit:
    """ASGI middleware that answers a body with status 413 as soon as it is too long.

    Args:
        app: the application behind it.
        most_bytes: limit on requests that send files. MONAI Label reads other requests into memory: those for the
            DICOMweb server may have 256 MiB, texts 1 MiB.
        prefix: what the paths of MONAI Label's routes begin with.
    """

    def __init__(self, app: App, most_bytes: int, prefix: str = "") -> None:
        self.app, self.most_bytes, self.prefix = app, most_bytes, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that stays within its limit.

        Args:
            scope: the request, as ASGI gives it.
            receive: receives the parts of the body.
            send: sends the parts of the answer.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        most = self._most(route(scope, self.prefix), headers.get(b"content-type", b"").strip().lower())
        sentence = f"the body has more than {most} bytes, the most that this request may have: send less."
        if int(headers.get(b"content-length", b"0")) > most:
            await _read_in_vain(receive)
            await refuse(scope, send, 413, sentence)
            return
        length = 0

        async def limited() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > most:
                await _read_in_vain(receive)
                raise HTTPException(413, sentence)
            return message

        await self.app(scope, limited, send)

    def _most(self, path: str, kind: bytes) -> int:
        if path.startswith(PROXY):
            return min(MOST_IN_MEMORY, self.most_bytes)
        return self.most_bytes if path.startswith(WITH_FILES) and kind.startswith(b"multipart/") else MOST_TEXT


async def _read_in_vain(receive: Receive) -> None:
    read = 0
    while read < MOST_READ_IN_VAIN:
        message = await receive()
        read += len(message.get("body", b""))
        if not message.get("more_body"):
            break
