from __future__ import annotations

import ast
import errno
import io
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from monai.transforms import Compose, Lambda

import monai_nlseg
from monai_nlseg.bundle import explained, require_cases, require_choice
from monai_nlseg.errors import root_cause, sentence
from monai_nlseg.label.training import run as training_run

PACKAGE = Path(monai_nlseg.__file__).parent
MADE = "the data list is empty, so that there is nothing to do: give a dataset_dir with cases."


def _wrapped() -> RuntimeError:
    try:
        try:
            raise ValueError("the label holds 7: map it.\nmore")
        except ValueError as error:
            raise RuntimeError("applying transform") from error
    except RuntimeError as wrapped:
        return wrapped


def caught(action: Callable[[], Any]) -> BaseException:
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def refuse(*_: object) -> None:
    require_cases([])


class Refusing(torch.utils.data.Dataset):
    def __init__(self, transform: Callable[[int], Any]) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return self.transform(index)


def _through_engine() -> None:
    engine = Engine(lambda engine, batch: None)
    engine.add_event_handler(Events.STARTED, refuse)
    engine.run([1])


def _through_pool(kind: type, work: Callable[[int], Any]) -> None:
    with kind(1) as pool:
        pool.submit(work, 1).result()


def _through_loader(transform: Callable[[int], Any]) -> None:
    for _ in torch.utils.data.DataLoader(Refusing(transform), num_workers=1):
        pass


def _parsed(value: Any, imports: list[str]) -> Any:
    return ConfigParser({"value": value, "imports": imports}).get_parsed_content("value")


WAYS: dict[str, Callable[[], Any]] = {
    "alone": refuse,
    "a transform": lambda: Compose([Lambda(refuse)])(1),
    "transforms of transforms": lambda: Compose([Compose([Lambda(refuse)])])(1),
    "an expression": lambda: _parsed("$require_cases([])", ["$from monai_nlseg.bundle import require_cases"]),
    "a component": lambda: _parsed({"_target_": "monai_nlseg.bundle.require_cases", "datalist": []}, []),
    "a handler": _through_engine,
    "a thread": lambda: _through_pool(ThreadPoolExecutor, refuse),
    "a process": lambda: _through_pool(ProcessPoolExecutor, refuse),
    "a transform in a process": lambda: _through_pool(ProcessPoolExecutor, Compose([Lambda(refuse)])),
    "a worker of a loader": lambda: _through_loader(refuse),
    "a transform in a worker of a loader": lambda: _through_loader(Compose([Lambda(refuse)])),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_sentence_of_the_package_arrives(way):
    error = caught(WAYS[way])
    assert sentence(error) == MADE
    assert explained(error) is None


def test_a_sentence_made_of_another_error_is_shown_and_not_that():
    def load() -> None:
        refused = caught(lambda: require_choice("task", "x", {"a\nb": 1}))
        refused.__cause__ = OSError(2, "No such file", "a.pt")
        raise refused

    assert sentence(caught(load)) == "task 'x' is unknown: choose a b."
    assert explained(caught(load)) is None
    wrapped = caught(lambda: Compose([Lambda(lambda _: load())])(1))
    assert sentence(wrapped) == "task 'x' is unknown: choose a b."


def test_the_first_error_of_a_chain_speaks():
    assert isinstance(root_cause(_wrapped()), ValueError)
    assert sentence(_wrapped()) == "the label holds 7: map it."


def test_a_chain_that_leads_back_ends():
    first, second = _wrapped(), _wrapped()
    first.__cause__, second.__cause__ = second, first
    assert root_cause(first) is second


def test_weights_that_cannot_be_written_are_explained_by_the_error_of_the_file():
    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() + len(data) > 2000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    with pytest.raises(RuntimeError, match="inline_container") as failed:
        torch.save({"weight": torch.zeros(1000)}, Full())
    assert isinstance(root_cause(failed.value), OSError)
    assert sentence(failed.value) == "[Errno 28] No space left on device"


def test_errors_without_text_and_key_errors():
    assert sentence(RuntimeError()) == "RuntimeError"
    assert sentence(KeyError("no entry 'image'")) == "no entry 'image'"


def test_a_line_that_announces_the_cause_brings_it():
    assert sentence(RuntimeError("Error(s) in A:\n\tMissing key a.\n\tmore")) == "Error(s) in A: Missing key a."
    assert sentence(RuntimeError("Error(s) in A:")) == "Error(s) in A:"


@cache
def raises() -> list[tuple[str, ast.Raise, str]]:
    """Each raise statement in an ``except`` clause of the package: where it is, itself, and the name of the error."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for handler in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(handler, ast.ExceptHandler):
                inner = [node for node in ast.walk(handler) if isinstance(node, ast.Raise) and node.exc is not None]
                where = path.relative_to(PACKAGE).as_posix()
                found += [(f"{where}:{node.lineno}", node, handler.name or "") for node in inner]
    return found


def test_every_sentence_says_what_becomes_of_the_error_it_is_made_of():
    assert len(raises()) > 60
    assert [where for where, node, _ in raises() if node.cause is None] == []


def test_no_error_is_raised_again_without_what_caused_it():
    # "raise error from None" would cut off the cause, which may be a sentence of the package.
    names = [(where, [each.id for each in _alternatives(node.exc)], name) for where, node, name in raises()]
    assert [where for where, given, name in names if name in given] == []


def _alternatives(value: ast.expr | None) -> list[ast.Name]:
    parts = value.values if isinstance(value, ast.BoolOp) else [value]
    return [part for part in parts if isinstance(part, ast.Name)]


def test_the_places_that_keep_the_other_error_show_their_own_sentence(monkeypatch):
    kept = {where.split(":")[0] for where, node, _ in raises() if not isinstance(node.cause, ast.Constant)}
    served = {"label/explain.py", "label/guard/archives.py", "label/guard/endpoints.py"}  # MONAI Label answers these
    trained = {"training/fitting/predict.py", "training/fitting/train.py"}
    assert kept == {"label/training/run.py", *trained, *served}

    def fail(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(training_run, "_score", fail)
    monkeypatch.setattr(training_run, "_scripts", lambda served: nullcontext())
    error = caught(lambda: training_run.train_and_score(SimpleNamespace(name="mine"), {}))
    assert isinstance(error.__cause__, KeyError)
    assert sentence(error) == "the training of mine has failed: lost"
