"""One sentence for whatever is wrong with the file of a picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from monai_nlseg.io.reasons import reason
from monai_nlseg.io.regular import require_regular_file
from monai_nlseg.quiet import remarks_withheld

# When it counts pages, Pillow does not catch errors that it takes for damage elsewhere.
LET_PASS = (IndexError, TypeError, KeyError, RuntimeError, struct.error)
DAMAGED = (OSError, EOFError, ValueError, zlib.error, SyntaxError, Image.DecompressionBombError, MemoryError, *LET_PASS)
"""What Pillow and tifffile raise for a damaged file."""


class PictureError(ValueError):
    """A picture that cannot be read correctly; the message names the file, what is wrong and what to do."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise as :class:`PictureError` what libraries raise for a damaged file; refuse anything but a regular file.

    Args:
        path: path of the file.
    """
    try:
        require_regular_file(path)
    except ValueError as error:
        raise PictureError(str(error)) from None
    try:
        with remarks_withheld():
            yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"'{path}' is not a readable image (no format that is read here): restore it.") from None
    except DAMAGED as error:
        raise PictureError(f"'{path}' is not a readable image ({reason(error)}): restore the file.") from None
