"""The number of pictures in a file."""

from __future__ import annotations

from contextlib import suppress

from PIL import Image

from monai_nlseg.io.pictures.limits import MOST_PAGES

ENTRIES = 0xB002
"""The list of images in the header of an MPO."""


def page_count(image: Image.Image) -> int:
    """Return the number of frames of an open picture that is not a TIFF.

    In an MPO, a JPEG of several images that cameras write, previews, depth and gain maps are not pictures of their own;
    views of a panorama or of a stereo camera are. No more than 1000 frames of a GIF are counted.

    Args:
        image: image that is open.
    """
    if image.format == "MPO":
        kinds = [entry["Attribute"]["MPType"] for entry in image.mpinfo[ENTRIES]]  # type: ignore[attr-defined]
        return max(1, sum(kind.startswith("Multi-Frame") for kind in kinds))
    if image.format != "GIF":
        return int(getattr(image, "n_frames", 1))
    count = 1
    with suppress(EOFError):  # there is no list of frames, and a file may hold millions
        while count < MOST_PAGES:
            image.seek(count)
            count += 1
    image.seek(0)
    return count
