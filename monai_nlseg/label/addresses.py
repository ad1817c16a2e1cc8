"""Origins of the web pages that may use a server, and the names of the server."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
NAME = re.compile(r"(?=.{1,253}$)\w([\w-]*\w)?(\.\w([\w-]*\w)?)*", flags=re.ASCII)
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:[0-9]{1,5})?", flags=re.ASCII)
"""The header ``Host`` as browsers send it: no other part of a URL."""


def origin_list(texts: Iterable[str]) -> tuple[str, ...]:
    """Return origins as browsers send them: lower case, without the port that the scheme stands for.

    Args:
        texts: origins; each text is one, or several separated by commas.

    Raises:
        ValueError: for a text that is not ``scheme://host[:port]``, and for ``*``.
    """
    parts = (part.strip() for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(_origin(part) for part in parts if part))


def host_list(text: str) -> tuple[str, ...]:
    """Return the names of machines that a text lists, in lower case.

    Args:
        text: names or addresses, separated by commas.

    Raises:
        ValueError: for text that is neither an address nor a name of a machine.
    """
    names = [part.strip().lower() for part in text.split(",") if part.strip()]
    for name in names:
        if not is_host(name):
            raise ValueError(f"the host {name!r} is not a name of a machine: give one such as label.example, no port.")
    return tuple(names)


def is_host(text: str) -> bool:
    """Return whether ``text`` is an IP address or a name of a machine."""
    return _is_address(text) or bool(NAME.fullmatch(text))


def serves_as(host: str, names: Iterable[str]) -> bool:
    """Return whether the header ``Host`` of a request has a name of this server.

    A page of ``evil.example`` whose name is made to lead to 127.0.0.1 (DNS rebinding) has its requests say
    ``evil.example``. Addresses, ``localhost`` and the machine's own name cannot be taken over like that.

    Args:
        host: the header, with or without port.
        names: further names.
    """
    if not (match := HOST.fullmatch(host)):
        return False
    name = match["name"].strip("[]").lower().rstrip(".")
    return _is_address(name) or name == "localhost" or name.endswith(".localhost") or name in {*names, *_own_names()}


def _origin(text: str) -> str:
    if text == "*":
        raise ValueError("the origin '*' would let any web page change and read the studies: list the pages' origins.")
    wrong = f"the origin {text!r} is not scheme://host[:port]: give one such as https://viewer.example, without a path."
    try:
        url = urlsplit(text)
        port, host = url.port, url.hostname or ""
    except ValueError:
        raise ValueError(wrong) from None
    shown = f"[{host}]" if ":" in host else host
    written = f"{url.scheme}://{shown}" + ("" if port is None else f":{port}")
    if url.scheme not in DEFAULT_PORTS or not is_host(host) or written != text.lower() or port == 0:
        raise ValueError(wrong)
    return f"{url.scheme}://{shown}" + ("" if port in (None, DEFAULT_PORTS[url.scheme]) else f":{port}")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache
def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, name.partition(".")[0]} - {""})
