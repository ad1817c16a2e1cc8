"""How errors end a command."""

from __future__ import annotations

import json
import sys

import pytest

from monai_nlseg import cli
from monai_nlseg.cli.error_line import error_line


def _raised(function, *arguments):
    with pytest.raises(Exception) as raised:
        function(*arguments)
    return raised.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("step 0 does not fit: give 1."), "step 0 does not fit: give 1."),
        (
            _raised(open, "/nowhere/a"),
            "'/nowhere/a' cannot be read or written (No such file or directory): give another",
        ),
        (MemoryError(), "there is not enough memory for this call: give smaller sizes"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9"), "there is not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (KeyError("pred"), "an unexpected error occurred (KeyError: pred): check the input, or report the call."),
        (_raised(json.loads, 7), "an unexpected error occurred (TypeError: "),
        (ValueError("a\0b and \x1b[31m: correct it."), r"a\x00b and \x1b[31m: correct it."),
        (
            ValueError(f"'{'a' * 5000}' is missing: give it."),
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is missing: give it.",
        ),
    ],
)
def test_one_sentence(error, words):
    sentence = error_line(error)
    assert words in sentence
    assert sentence.isprintable() and len(sentence) < 400


def test_a_long_list_is_cut():
    assert len(error_line(ValueError("word " * 500))) < 400


def test_an_interrupt_ends_quietly(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("monai_nlseg.demo.run_demo", interrupted)
    monkeypatch.setattr(sys, "argv", ["nlseg", "demo"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130 and "Traceback" not in capsys.readouterr().err
