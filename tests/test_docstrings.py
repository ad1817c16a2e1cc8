"""The examples of the docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import textwrap
import warnings

import pytest

import monai_nlseg

PACKAGES = ("data", "inferers", "losses", "measures", "optimizers", "transforms")


def _modules():
    for package in PACKAGES:
        found = importlib.import_module(f"{monai_nlseg.__name__}.{package}")
        for module in pkgutil.iter_modules(found.__path__, f"{found.__name__}."):
            if not module.ispkg:
                yield importlib.import_module(module.name)


def _examples():
    for module in _modules():
        for name in getattr(module, "__all__", ()):
            documented = getattr(module, name)
            text = inspect.getdoc(documented) if inspect.isroutine(documented) or inspect.isclass(documented) else None
            if text and "Examples::" in text:
                code = textwrap.dedent(text.partition("Examples::")[2]).strip("\n") + "\n"
                yield pytest.param(code, vars(module), id=f"{module.__name__.removeprefix('monai_nlseg.')}.{name}")


@pytest.mark.parametrize(("code", "names"), _examples())
def test_example(code, names):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if ">>>" not in code:
            exec(compile(code, "example", "exec"), dict(names))
            return
        example = doctest.DocTestParser().get_doctest(code, dict(names), "example", None, 0)
        printed: list[str] = []
        result = doctest.DocTestRunner().run(example, out=printed.append)
    assert result.attempted and not result.failed, "".join(printed)
