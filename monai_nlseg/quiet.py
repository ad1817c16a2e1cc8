"""Keep what the libraries print from hiding what a user has to read."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from monai.apps import get_logger

__all__ = ["exceptions_unlogged", "notices_silenced", "segmentation_remarks_silenced"]

WORKFLOW_LOGGERS = ("monai.bundle.scripts", "monai.bundle.workflows")


@contextmanager
def exceptions_unlogged() -> Iterator[None]:
    """Engines and ``StatsHandler`` log an exception, with two tracebacks, that the caller gets anyway."""

    def passes(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR or not record.name.startswith(("ignite.", "monai.handlers.StatsHandler"))

    # MONAI's get_logger, for StatsHandler gets its own handler only from the first to ask for it.
    handlers = [*logging.getLogger().handlers, *get_logger("monai.handlers.StatsHandler").handlers]
    with _filtered(handlers, passes):
        yield


@contextmanager
def notices_silenced(trusted: bool, summaries: bool) -> Iterator[None]:
    """Without MONAI's notices on how a workflow is put together.

    Args:
        trusted: whether the bundle's configs need no warning that they are code.
        summaries: whether MONAI prints what a workflow is given.
    """

    def passes(record: logging.LogRecord) -> bool:
        return summaries or record.levelno >= logging.ERROR or record.name not in WORKFLOW_LOGGERS

    handlers = [handler for name in WORKFLOW_LOGGERS for handler in get_logger(name).handlers]
    codec = logging.getLogger("monai.data.nvimgcodec_pydicom_plugin")
    level = codec.level
    codec.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), _filtered(handlers, passes):
            # Any LoadImage tries MONAI's reader for DICOM on GPUs, whichever reader it is given.
            warnings.filterwarnings("ignore", "NvImgCodecPydicomReader", UserWarning)
            warnings.filterwarnings("ignore", r"monai\..*default value", FutureWarning)
            if trusted:
                warnings.filterwarnings("ignore", "parsing config_file", UserWarning)
            yield
    finally:
        codec.setLevel(level)


@contextmanager
def segmentation_remarks_silenced() -> Iterator[None]:
    """Without highdicom's remarks on a patient's name of one part and on a map without a voxel: both are right."""
    logger = logging.getLogger("highdicom")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*unlikely to represent the intended person name", UserWarning)
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _filtered(handlers: list[logging.Handler], passes: Callable[[logging.LogRecord], bool]) -> Iterator[None]:
    for handler in handlers:
        handler.addFilter(passes)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(passes)
