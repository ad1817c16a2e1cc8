"""Pages of HTML that load nothing from outside and run no script."""

from __future__ import annotations

import base64
import hashlib
from html import escape


def html_page(title: str, style: str, body: str) -> str:
    """Return a page whose policy allows its own style and pictures in data URIs, and nothing else.

    Args:
        title: title of the page; it is escaped.
        style: the style sheet.
        body: HTML of the page's main part.
    """
    style = style.replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""
