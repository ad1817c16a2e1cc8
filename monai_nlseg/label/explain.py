"""Errors as answers: MONAI Label answers an HTTPException with its text, all others with "Internal Server Error"."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import HTTPException
from monailabel.interfaces.exception import MONAILabelException

from monai_nlseg.errors import root_cause, sentence

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


def explained(asked: Callable[..., Answer], *arguments: Any, **options: Any) -> Answer:
    """Call a function, and raise its errors as answers.

    Args:
        asked: the function.
        arguments: its positional arguments.
        options: its keyword arguments.

    Raises:
        HTTPException: 404 for what MONAI Label does not find, 400 for a fault of the request, 500 for a fault of the
            machine, each with its sentence.
    """
    try:
        return asked(*arguments, **options)
    except MONAILabelException as error:
        raise HTTPException(404, error.msg) from error
    except ValueError as error:
        raise HTTPException(400, sentence(error)) from error
    except (RuntimeError, OSError, MemoryError) as error:
        if isinstance(root_cause(error), ValueError):  # MONAI's transforms make RuntimeErrors of all errors
            raise HTTPException(400, sentence(error)) from error
        # No room in memory or on the disk, or a fault of the GPU.
        logger.exception("a request has failed")
        raise HTTPException(500, f"the server has failed: {sentence(error)}") from error
