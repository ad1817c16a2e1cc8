"""`nlseg` in a process that waits before its second checkpoint, as long as the file of ``NLSEG_TEST_GATE`` is there."""

from __future__ import annotations

import os
import sys
import time

from monai_nlseg.cli import main


def hold(event: str, arguments: tuple) -> None:
    if event == "os.rename" and os.path.basename(str(arguments[1])) == "checkpoint_epoch=2.pt":
        while os.path.exists(os.environ["NLSEG_TEST_GATE"]):
            time.sleep(0.01)


if __name__ == "__main__":
    sys.addaudithook(hold)
    main()
