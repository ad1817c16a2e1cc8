"""Installation of the guard in a running server."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from monailabel.config import settings

from monai_nlseg.label.addresses import DEFAULT_PORTS
from monai_nlseg.label.guard.body_limit import BodyLimit
from monai_nlseg.label.guard.door import Door
from monai_nlseg.label.guard.endpoints import guard_endpoints

logger = logging.getLogger(__name__)

ANY = ("*",)


def guard_server(origins: Sequence[str], hosts: Sequence[str], most_bytes: int) -> None:
    """Put the guard into MONAI Label's server, if this process is one, in place of its rule for origins.

    Args:
        origins: origins of web pages that may use the server, besides its own.
        hosts: further names of the server.
        most_bytes: largest upload.
    """
    module = sys.modules.get("monailabel.app")
    if module is None:  # this process is a training or a scoring
        return
    app: FastAPI = module.app
    guard_endpoints()
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    # OHIF asks 127.0.0.1 for labels, also if a browser has loaded it from localhost.
    port = settings.MONAI_LABEL_SERVER_PORT
    own = [f"{scheme}://{name}:{port}" for scheme in DEFAULT_PORTS for name in ("127.0.0.1", "localhost")]
    pages = [*own, *origins]
    app.user_middleware = [
        Middleware(Door, pages, hosts, settings.MONAI_LABEL_API_STR),
        Middleware(CORSMiddleware, allow_origins=pages, allow_credentials=True, allow_methods=ANY, allow_headers=ANY),
        Middleware(BodyLimit, most_bytes, settings.MONAI_LABEL_API_STR),
    ]
    # Requests after the start use this stack; the earlier one is in use already.
    app.middleware_stack = app.build_middleware_stack()
    logger.info("web pages that may use this server besides its own: %s", ", ".join(origins) or "none")


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that FastAPI refuses with the first of its reasons, in a sentence."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    place = ".".join(map(str, first.get("loc", ())))
    return JSONResponse({"detail": f"{place or 'the request'} is refused: {first.get('msg', 'it is not valid')}."}, 400)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "the server has failed on this request: its log says why."}, 500)
