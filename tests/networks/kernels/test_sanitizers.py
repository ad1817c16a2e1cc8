"""The tests of the kernels once more, with kernels that check each access to memory and each operation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = "address,undefined"
TESTS = {
    "attention": "test_attention.py",
    "norm": "test_norm.py",
    "excitation": "../test_excitation.py",
    "mbconv": "../test_mbconv.py",
}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, which finds its sanitizers")
@pytest.mark.parametrize("kernel", TESTS)
def test_no_access_outside_and_nothing_undefined(kernel, tmp_path):
    compiler = tmp_path / "checked-g++"
    compiler.write_text(f'#!/bin/sh\nexec g++ "$@" -g -fsanitize={CHECKS} -fno-sanitize-recover=all\n')
    compiler.chmod(0o700)
    # The second for the exceptions that other libraries throw, which the first looks up as it is loaded.
    runtimes = [_library_of_the_compiler(name) for name in ("libasan.so", "libstdc++.so.6")]
    environment = {
        **os.environ,
        "CXX": str(compiler),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "LD_PRELOAD": " ".join(runtimes),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps what it needs to the end
    }
    tests = Path(__file__).parent / TESTS[kernel]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", str(tests)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout
    assert list((tmp_path / "cache" / "monai_nlseg").glob(f"{kernel}-*.so"))


def _library_of_the_compiler(name: str) -> str:
    done = subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()
