"""Messages of libraries about damaged files, without the values of headers that they quote."""

from __future__ import annotations

import re

QUOTED = re.compile(r"""(?:(?<!\w)|(?<=\b[bBrRuU]))['"](?:.*['"]|.*)""")
"""From the first opening quote to the last quote: names in a header may hold quotes themselves."""
LONGEST = 160


def reason(error: BaseException) -> str:
    """Return the first line of an exception's message, for use in brackets in a sentence.

    A header holds names, birth dates and free text, which libraries quote. So text between quotes becomes ``'...'``,
    characters that cannot be printed are dropped, and the line is cut.

    Args:
        error: exception of a library.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    first = next(iter(str(error).strip().splitlines()), "")
    shown = QUOTED.sub("'...'", "".join(filter(str.isprintable, first)))[:LONGEST].rstrip(".: ")
    return type(error).__name__ if shown in ("", "'..") else shown
