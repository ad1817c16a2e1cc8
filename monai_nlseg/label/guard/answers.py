"""Answers of one sentence, in the form that MONAI Label's answers have."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from monai_nlseg.bounds import shown

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def route(scope: Scope, prefix: str) -> str:
    """Return the path of a request without the path of the mounted server and the prefix of MONAI Label's routes.

    Args:
        scope: the request, as ASGI gives it.
        prefix: what the paths of MONAI Label's routes begin with.
    """
    return str(scope["path"]).removeprefix(scope.get("root_path", "")).removeprefix(prefix)


async def refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """Answer a request with a status and ``{"detail": sentence}``.

    Args:
        scope: the request, as ASGI gives it.
        send: sends the parts of the answer.
        status: HTTP status code.
        sentence: why the request is refused, and what to do.
    """
    logger.warning("%s %s: %d, %s", scope["method"], shown(scope["path"]), status, sentence)
    body = json.dumps({"detail": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
