"""Contexts that silence messages of libraries, so that they do not hide what a user has to read."""

from __future__ import annotations

import logging
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.apps import get_logger

WORKFLOW_LOGGERS = ("monai.bundle.scripts", "monai.bundle.workflows")
TRAINING_LOGGERS = ("monai.handlers.StatsHandler", "monai_nlseg.handlers.ExpectedTime")
READERS = ("pydicom", "highdicom", "nibabel", "tifffile", "PIL", "imageio")
"""Packages that read image files."""
IGNORED = "(?s:.*)"
"""Pattern that matches all warnings and identifies the filter."""

_LOCK = threading.Lock()
_ignoring = 0
_reading = threading.local()


@contextmanager
def exceptions_unlogged() -> Iterator[None]:
    """Silence the tracebacks that engines and ``StatsHandler`` log of an exception that the caller gets anyway."""

    def passes(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR or not record.name.startswith(("ignite.", "monai.handlers.StatsHandler"))

    # MONAI's get_logger, because StatsHandler gets its handler only from the first call.
    handlers = [*logging.getLogger().handlers, *get_logger("monai.handlers.StatsHandler").handlers]
    with _filtered(handlers, passes):
        yield


@contextmanager
def notices_silenced(summaries: bool) -> Iterator[None]:
    """Silence MONAI's notices about the construction of a workflow.

    This includes its warning that configs are code: the commands give that notice before they run an untrusted bundle.

    Args:
        summaries: whether MONAI still prints the arguments of a workflow.
    """

    def passes(record: logging.LogRecord) -> bool:
        return summaries or record.levelno >= logging.ERROR or record.name not in WORKFLOW_LOGGERS

    handlers = [handler for name in WORKFLOW_LOGGERS for handler in get_logger(name).handlers]
    codec = logging.getLogger("monai.data.nvimgcodec_pydicom_plugin")
    level = codec.level
    codec.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), _filtered(handlers, passes):
            # Every LoadImage tries MONAI's reader for DICOM on GPUs, whatever its reader argument is.
            warnings.filterwarnings("ignore", "NvImgCodecPydicomReader", UserWarning)
            warnings.filterwarnings("ignore", r"monai\..*default value", FutureWarning)
            warnings.filterwarnings("ignore", "parsing config_file", UserWarning)
            yield
    finally:
        codec.setLevel(level)


@contextmanager
def trials_unlogged() -> Iterator[None]:
    """Silence the tracebacks that PyTorch logs of exceptions on fake tensors, which the caller gets anyway."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def infos_logged_to(path: Path) -> Iterator[None]:
    """Append what handlers of a training log as information to a file, instead of printing it.

    Args:
        path: the file; its folder is created if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(path, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

    def passes(record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            file.emit(record)
        return record.levelno >= logging.WARNING

    # MONAI's get_logger, because loggers get their handlers only from the first call.
    handlers = [handler for name in TRAINING_LOGGERS for handler in get_logger(name).handlers]
    try:
        with _filtered(handlers, passes):
            yield
    finally:
        file.close()


@contextmanager
def remarks_withheld() -> Iterator[Counter[str]]:
    """Withhold log records and warnings of libraries about the files that they read.

    They quote headers, which contain names and birth dates. Warnings are ignored in all threads of the process, because
    Python has one list of filters. Log records are withheld in this thread only. Contexts can be nested.

    Yields:
        Name of a library -> number of records withheld so far.
    """
    remarks = Counter[str]()
    loggers = [name for name in list(logging.root.manager.loggerDict) if name.partition(".")[0] in READERS]
    for name in {*READERS, *loggers}:  # READERS, because a package may be imported within the context
        logging.getLogger(name).addFilter(_counted)
    open_counters = vars(_reading).setdefault("counters", [])
    open_counters.append(remarks)
    try:
        with _warnings_ignored():
            yield remarks
    finally:
        open_counters.pop()


def _counted(record: logging.LogRecord) -> bool:
    counters = getattr(_reading, "counters", ())
    for counter in counters:
        if record.levelno >= logging.WARNING:
            counter[record.name.partition(".")[0]] += 1
    return not counters


@contextmanager
def _warnings_ignored() -> Iterator[None]:
    """Ignore warnings; at its end, ``catch_warnings`` would undo changes that another thread has made."""
    global _ignoring
    with _LOCK:
        _ignoring += 1
        warnings.filterwarnings("ignore", IGNORED)
    try:
        yield
    finally:
        with _LOCK:
            _ignoring -= 1
            if not _ignoring:
                filters: Any = warnings.filters
                filters[:] = [each for each in filters if getattr(each[1], "pattern", "") != IGNORED]


@contextmanager
def _filtered(handlers: list[logging.Handler], passes: Callable[[logging.LogRecord], bool]) -> Iterator[None]:
    for handler in handlers:
        handler.addFilter(passes)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(passes)
