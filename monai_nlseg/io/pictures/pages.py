"""The number of pictures in a file."""

from __future__ import annotations

from PIL import Image

__all__ = ["page_count"]

ENTRIES = 0xB002
"""The list of images in the header of an MPO."""


def page_count(image: Image.Image) -> int:
    """Return the number of frames of an open picture that is no TIFF.

    In an MPO, the JPEG of several images that cameras write, previews, depth and gain maps are no pictures of their
    own; views of a panorama or of a stereo camera are.
    """
    if image.format == "MPO":
        kinds = [entry["Attribute"]["MPType"] for entry in image.mpinfo[ENTRIES]]  # type: ignore[attr-defined]
        return max(1, sum(kind.startswith("Multi-Frame") for kind in kinds))
    return int(getattr(image, "n_frames", 1))
