"""Calls of `nlseg` that end in one sentence: what follows the program's name, in the folder of :mod:`workspace`.

Each file of ``commands`` has the calls of one command, one a line. A line that begins with + is called in each run of
the tests: of every command one call for each kind of refusal. The others are slow tests. T1 is the name of a bundle,
LONG a name of 5,000 letters, DIGITS a number of 5,000; NUL and NEWLINE in a word are the characters.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["calls"]

COMMANDS = Path(__file__).parent / "commands"
NAMES = {"T1": "brain_t1_nonlocal_unet_segmentation", "LONG": "a" * 5000, "DIGITS": "9" * 5000}


def calls() -> dict[str, bool]:
    """Return call -> whether it is called in each run of the tests."""
    found = {}
    for file in sorted(COMMANDS.glob("*.txt")):
        command = file.stem.replace("_", " ")  # kaggle_masks.txt has the calls of `nlseg kaggle masks`
        for line in file.read_text(encoding="utf-8").splitlines():
            words = [command, *line[1:].split()]
            found[" ".join(NAMES.get(word, word) for word in words)] = line.startswith("+")
    return found
