"""One sentence for whatever is wrong with the file of a picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

__all__ = ["PictureError", "reading"]

# Where it counts pages, Pillow lets pass what elsewhere it takes for damage itself.
LET_PASS = (IndexError, TypeError, KeyError, AttributeError, RuntimeError, struct.error)
DAMAGED = (OSError, EOFError, ValueError, zlib.error, SyntaxError, Image.DecompressionBombError, *LET_PASS)
"""What Pillow and tifffile raise for a damaged file."""


class PictureError(ValueError):
    """A picture that cannot be read rightly; the message names the file, what is wrong and what to do."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise what the libraries make of a damaged file as a :class:`PictureError`."""
    try:
        yield
    except PictureError:
        raise
    except FileNotFoundError:
        raise PictureError(f"'{path}' does not exist: restore it or leave the case out.") from None
    except DAMAGED as error:
        raise PictureError(f"'{path}' is not a readable image ({error}): restore the file.") from None
