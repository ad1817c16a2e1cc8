"""Origins of web pages and names of machines."""

from __future__ import annotations

import socket

import pytest

from monai_nlseg.label.addresses import host_list, origin_list, serves_as


@pytest.mark.parametrize(
    ("texts", "origins"),
    [
        ([], ()),
        ([""], ()),
        (["https://viewer.example"], ("https://viewer.example",)),
        (["https://viewer.example:443,http://127.0.0.1:80"], ("https://viewer.example", "http://127.0.0.1")),
        (
            ["HTTPS://Viewer.Example:8443 , http://localhost:3000"],
            ("https://viewer.example:8443", "http://localhost:3000"),
        ),
        (["http://[::1]:3000", "http://[::1]:3000"], ("http://[::1]:3000",)),
    ],
)
def test_origins_as_browsers_send_them(texts, origins):
    assert origin_list(texts) == origins


@pytest.mark.parametrize(
    "text",
    [
        *(
            "viewer.example",
            "https://",
            "https://viewer.example/",
            "https://viewer.example/x",
            "https://viewer.example?x",
        ),
        *(
            "https://viewer.example#x",
            "https://me@viewer.example",
            "ftp://viewer.example",
            "null",
            "file://",
            "https://*",
        ),
        *("https://*.example", "https://viewer.example:0", "https://viewer.example:99999", "https://viewer.example:x"),
        *(
            "https://viewer example",
            "https://viewer.example\n",
            "https://viewer.example\r\nX: y",
            "javascript:alert(1)",
        ),
        *("https://viewer.example:", "https://[::1", "https://-x.example", "https://vïewer.example", "https://a..b"),
    ],
)
def test_what_is_no_origin(text):
    with pytest.raises(ValueError, match=r"is not scheme://host\[:port\]") as error:
        origin_list([f"https://first.example,{text}" if text.strip() == text else f"x{text}"])
    assert "\n" not in str(error.value)


def test_every_page_is_no_origin():
    with pytest.raises(ValueError, match="would let any web page"):
        origin_list(["*"])


@pytest.mark.parametrize(
    ("host", "serves"),
    [
        *((host, True) for host in ("127.0.0.1", "127.0.0.1:8000", "10.0.0.7:80", "[::1]:8000", "localhost:8000")),
        *(
            (host, True)
            for host in ("LOCALHOST", "a.localhost", "label.example", "label.example:8443", socket.gethostname())
        ),
        *((host, False) for host in ("", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.1")),
        *((host, False) for host in ("x.label.example", "label.example.evil", "[::1", "0x7f.1", "evil@127.0.0.1.x")),
        *((f"127.0.0.1{rest}", False) for rest in ("/.evil.example", "?.evil.example", "#evil.example", ":", ":x")),
        *((host, False) for host in ("evil.example@127.0.0.1", "127.0.0.1, evil.example", "127.0.0.1 ", "[::1]x")),
    ],
)
def test_names_that_a_server_goes_by(host, serves):
    assert serves_as(host, ["label.example"]) is serves


def test_hosts():
    assert host_list(" Label.example, 10.0.0.7 ") == ("label.example", "10.0.0.7")
    for text in ("label.example:80", "http://x", "a b", "*", "a\nb"):
        with pytest.raises(ValueError, match="is not a name of a machine"):
            host_list(text)
