from __future__ import annotations

import logging
import warnings

import pytest
from monai.apps import get_logger

from monai_nlseg.quiet import exceptions_unlogged, notices_silenced


@pytest.mark.parametrize("summaries", [True, False])
def test_notices(summaries, capsys):
    logger = logging.Logger("monai.bundle.scripts")
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    get_logger("monai.bundle.scripts").addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with notices_silenced(summaries):
                logger.info("--- input summary")
                logger.error("broken")
                for text in ("NvImgCodecPydicomReader: no", "parsing config_file x: is code", "another"):
                    warnings.warn(text, UserWarning, stacklevel=1)
            logger.info("after")
    finally:
        get_logger("monai.bundle.scripts").removeHandler(handler)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["--- input summary"] * summaries + ["broken", "after"]
    assert [str(each.message).split()[0] for each in caught] == ["another"]


def test_exceptions_of_engines_are_not_logged(capsys):
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    engine = logging.getLogger("ignite.engine")
    try:
        with exceptions_unlogged():
            engine.error("traceback")
            engine.warning("slow")
        engine.error("after")
    finally:
        logging.getLogger().removeHandler(handler)
    assert capsys.readouterr().err.splitlines() == ["slow", "after"]
