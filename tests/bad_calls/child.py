"""Make many calls of `nlseg` in one process, and write down what each prints, takes and leaves.

Run as ``python -m tests.bad_calls.child CALLS.json RESULTS.jsonl`` in the folder that the calls name files in.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import resource
import shlex
import signal
import sys
import time
from pathlib import Path

from monai_nlseg import cli

MEMORY = 3 * 1024**3
"""Bytes of address space that the calls may take beyond what the process has before the first."""
SECONDS = 20


class TooLong(BaseException):
    """No handler in the package takes it for one of its own errors."""


def main() -> None:
    calls, results = sys.argv[1:]
    warm_up()
    limit = memory("VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before = contents()
    with open(results, "w", encoding="utf-8") as file:
        for call in json.loads(Path(calls).read_text()):
            file.write(json.dumps(made(call, before)) + "\n")
            file.flush()


def warm_up() -> None:
    """Load what the commands load, which is not the calls'."""
    import monai_nlseg.bench
    import monai_nlseg.bundle.export
    import monai_nlseg.check_bundle
    import monai_nlseg.cohort
    import monai_nlseg.demo
    import monai_nlseg.evaluation
    import monai_nlseg.experiments
    import monai_nlseg.kaggle  # noqa: F401


def made(call: str, before: dict[str, tuple[int, int, int]]) -> dict[str, object]:
    """Make a call, and say what came of it.

    Args:
        call: as in a shell, without the program's name.
        before: the files that must stay as they are.
    """
    Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here
    resident = memory("VmRSS")
    begin = time.perf_counter()
    code, out, err = captured(call)
    after = contents()
    return {
        "code": code,
        "out": out,
        "err": err,
        "seconds": time.perf_counter() - begin,
        "bytes": memory("VmHWM") - resident,
        "changed": [name for name, about in before.items() if after.get(name) != about],
    }


def captured(call: str) -> tuple[object, str, str]:
    sys.argv = ["nlseg", *(part.replace("NUL", "\0").replace("NEWLINE", "\n") for part in shlex.split(call))]
    out, err = io.StringIO(), io.StringIO()
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
    return code, out.getvalue(), err.getvalue()


def too_long(number: int, frame: object) -> None:
    raise TooLong(f"more than {SECONDS} s")


def contents() -> dict[str, tuple[int, int, int]]:
    """Return for each file here what changes when it is written or replaced."""
    files = (os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names)
    return {path: (about.st_ino, about.st_size, about.st_mtime_ns) for path in files for about in [os.lstat(path)]}


def memory(name: str) -> int:
    """Bytes that /proc tells of this process."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main()
