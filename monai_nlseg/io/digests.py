"""SHA-256 of files and values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monai_nlseg.io.files import file_digest


def digest_files(files: Iterable[str | Path]) -> str:
    """Return the SHA-256 of one file's content; of several, that of their digests in their order.

    Args:
        files: paths of local files.
    """
    parts = [file_digest(Path(path)) for path in files]
    return parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest()


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys.

    Args:
        value: value that JSON can hold.
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
