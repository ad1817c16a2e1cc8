from __future__ import annotations

from monai_nlseg.errors import root_cause, sentence


def _wrapped() -> RuntimeError:
    try:
        try:
            raise ValueError("the label holds 7: map it.\nmore")
        except ValueError as error:
            raise RuntimeError("applying transform") from error
    except RuntimeError as wrapped:
        return wrapped


def test_the_first_error_of_a_chain_speaks():
    assert isinstance(root_cause(_wrapped()), ValueError)
    assert sentence(_wrapped()) == "the label holds 7: map it."


def test_errors_without_text_and_key_errors():
    assert sentence(RuntimeError()) == "RuntimeError"
    assert sentence(KeyError("no entry 'image'")) == "no entry 'image'"


def test_a_line_that_announces_the_cause_brings_it():
    assert sentence(RuntimeError("Error(s) in A:\n\tMissing key a.\n\tmore")) == "Error(s) in A: Missing key a."
    assert sentence(RuntimeError("Error(s) in A:")) == "Error(s) in A:"
