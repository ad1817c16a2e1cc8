"""Run the commands by `python -m monai_nlseg.cli`."""

from __future__ import annotations

from monai_nlseg.cli import main

main()
