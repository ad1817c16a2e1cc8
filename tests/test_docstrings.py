"""The examples of the docstrings do what they say, and each docstring of a function begins as an instruction."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import textwrap
import warnings
from pathlib import Path

import pytest

import monai_nlseg

IMPERATIVES = """
Abort Accept Accumulate Acquire Act Activate Adapt Add Address Adjust Aggregate Align Allow Analyse Anchor Answer
Append Apply Approximate Arrange Ask Assemble Assert Assign Attach Attend Average Backward Begin Blend Block Bound
Break Bring Build Bundle Cache Calculate Call Cast Change Check Choose Claim Clean Clear Clip Close Collect Color
Colour Combine Compare Compile Complain Complete Compress Compute Concatenate Configure Connect Construct Continue
Contrast Convert Convolve Copy Correct Count Cover Create Crop Cut Deal Decide Decode Define Deform Delay Delete Deny
Derive Describe Detect Dilate Discard Dispatch Display Distribute Divide Do Double Downsample Draw Drop Embed Empty
Enable Encode Encrypt End Ensure Enter Estimate Evaluate Exchange Exclude Execute Expand Explain Export Extract Fetch
Fill Filter Find Finish Fit Flip Fold Follow Force Forget Form Format Gather Get Give Go Group Grow Guard Guess Halve
Hand Handle Have Hide Hold Identify Ignore Import Impose Include Infer Inform Initialise Initialize Insert Inspect
Install Interpolate Invert Iterate Join Keep Kill Label Launch Leave Let Link List Load Locate Log Look Make Map Mark
Match Maximise Measure Merge Minimise Move Multiply Name Normalise Normalize Note Notice Obtain Offer Open Order
Overlay Pack Pad Pair Parse Pass Place Plan Plot Poll Predict Prefer Prepare Print Probe Process Project Provide Prune
Put Query Quote Raise Read Receive Record Reduce Refuse Register Release Remember Remove Rename Repeat Replace Report
Require Resample Reset Reshape Resize Restore Return Rewrite Rotate Round Run Sample Save Say Scale Score Seed Segment
Select Send Serve Set Settle Sharpen Shift Shorten Show Shuffle Silence Simulate Skip Smooth Sort Speed Split Spread
Stack Standardise Standardize Start State Step Stop Store Submit Sum Summarise Suppress Switch Synchronise Tabulate
Take Tally Test Thin Threshold Tidy Time Trace Track Train Transform Translate Trust Try Turn Unpack Update Upsample
Use Validate Verify View Visit Wait Walk Warn Weaken Weigh Weight Withhold Wrap Write Yield Zero
"""
VERBS = set(IMPERATIVES.split())
PACKAGES = ("data", "inferers", "losses", "optimizers", "requirements", "simulate", "transforms")


def _modules():
    for package in PACKAGES:
        found = importlib.import_module(f"{monai_nlseg.__name__}.{package}")
        for module in pkgutil.iter_modules(found.__path__, f"{found.__name__}."):
            if not module.ispkg:
                yield importlib.import_module(module.name)


def _examples():
    for module in _modules():
        for name, documented in vars(module).items():
            defined = inspect.isroutine(documented) or inspect.isclass(documented)
            own = defined and documented.__module__ == module.__name__
            text = inspect.getdoc(documented) if own else None
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


def _functions():
    package = Path(monai_nlseg.__file__).parent
    for path in sorted(package.rglob("*.py")):
        where = path.relative_to(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
                yield f"{where}:{node.lineno} {node.name}", node, text.splitlines()[0]


def _is_described(function):
    """Properties and special methods may be described by a noun phrase."""
    special = function.name.startswith("__") and function.name.endswith("__")
    return special or any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_a_function_is_documented_by_an_imperative_verb():
    others = [
        f"{place}: {line}"
        for place, function, line in _functions()
        if not _is_described(function) and line.split()[0].rstrip(".,:") not in VERBS
    ]
    assert not others, "begin with an imperative verb, or add it to VERBS:\n" + "\n".join(others)


def test_the_first_line_of_a_docstring_is_a_sentence():
    others = [f"{place}: {line}" for place, _, line in _functions() if not line.endswith(".") or len(line.split()) < 3]
    assert not others, "write a first line of three words or more that ends with a full stop:\n" + "\n".join(others)
