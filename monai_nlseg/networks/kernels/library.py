"""Kernels in C++, compiled once on the machine they run on and kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from monai_nlseg.private_folder import make_private_folder, require_private, require_private_folder

logger = logging.getLogger(__name__)

# By what PyTorch found the processor capable of; a cache that several machines share stays right.
ARCHITECTURES = {"AVX512": "x86-64-v4", "AVX2": "x86-64-v3"}
FLAGS = ("-std=c++17", "-O3", "-fno-math-errno", "-ffp-contract=fast", "-fopenmp", "-shared", "-fPIC")


@dataclass(frozen=True)
class Kernel:
    """A kernel whose source lies beside this file, of the kernel's name.

    Args:
        name: what messages call the kernel, and files begin with.
        without: what a user does who goes on without it, as the end of "or ...".
    """

    name: str
    without: str

    @property
    def source(self) -> Path:
        """Return the file that is compiled."""
        return Path(__file__).with_name(f"{self.name}.cpp")

    def unusable(self, cache: Path, error: Exception) -> RuntimeError:
        """Return the error for a cache that the kernel cannot be kept in."""
        reason = error.strerror if isinstance(error, OSError) else error
        return RuntimeError(
            f"the {self.name} kernel cannot be kept in '{cache}' ({reason}): set XDG_CACHE_HOME to a folder that you "
            f"alone may write to, or {self.without}."
        )


def load_kernel(kernel: Kernel) -> ctypes.CDLL:
    """Return a kernel's library, compiled with ``$CXX`` (g++ if unset) if the cache does not have it yet, in a second.

    The cache is ``$XDG_CACHE_HOME/monai_nlseg``, by default and for a path that is not absolute
    ``~/.cache/monai_nlseg``: the working folder may hold what others have made. Nothing is loaded from a folder into
    which other users could put a library (:mod:`monai_nlseg.private_folder`), nor a library that is not the user's
    alone, which is compiled again.

    Args:
        kernel: the kernel.

    Raises:
        RuntimeError: for a processor without AVX2, a missing compiler, one that fails, or a cache that is not private.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in ARCHITECTURES:
        raise RuntimeError(
            f"the {kernel.name} kernel needs a processor with AVX2 or AVX-512, PyTorch found {capability}: "
            f"{kernel.without}."
        )
    command = [os.environ.get("CXX", "g++"), *FLAGS, f"-march={ARCHITECTURES[capability]}", *_extensions(capability)]
    recipe = kernel.source.read_bytes() + " ".join(command).encode()
    cache = _cache_folder(kernel)
    name = f"{kernel.name}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    library = _cached(kernel, cache, name) or _compile(kernel, command, cache, name)
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise RuntimeError(
            f"the {kernel.name} kernel '{library}' cannot be loaded ({error}): delete it, set XDG_CACHE_HOME to a "
            f"folder that programs may be loaded from, or {kernel.without}."
        ) from None


def _extensions(capability: str) -> list[str]:
    """Return the flags for what some processors of an architecture have."""
    has_products = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)  # not a public function
    return ["-mavx512bf16"] if capability == "AVX512" and has_products() else []


def _cache_folder(kernel: Kernel) -> Path:
    given = os.environ.get("XDG_CACHE_HOME", "")
    folder = given if os.path.isabs(given) else os.path.expanduser("~/.cache")
    if not os.path.isabs(folder):
        raise kernel.unusable(Path(folder), ValueError("you have no home folder"))
    return Path(folder, "monai_nlseg")


def _cached(kernel: Kernel, cache: Path, name: str) -> Path | None:
    """Return the library of a name in the cache, if it may be loaded."""
    try:
        require_private_folder(cache)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise kernel.unusable(cache, error) from None
    return next((library for library in cache.glob(f"{name}-*.so") if _is_loadable(kernel, library)), None)


def _is_loadable(kernel: Kernel, library: Path) -> bool:
    """Return whether a file is the user's alone and has the size in its name: one that was cut ends the process."""
    about = library.lstat()
    size = library.stem.rsplit("-", 1)[1]
    if not stat.S_ISREG(about.st_mode) or not size.isdecimal() or about.st_size != int(size):
        return False
    try:
        require_private(library)
    except ValueError as error:
        logger.warning("the %s kernel is compiled again, for another may have made it: %s", kernel.name, error)
        return False
    return True


def _compile(kernel: Kernel, command: list[str], cache: Path, name: str) -> Path:
    """Compile beside the result and rename into place, so that processes may do so at the same time."""
    if shutil.which(command[0]) is None:
        raise RuntimeError(
            f"the {kernel.name} kernel needs a C++ compiler and '{command[0]}' is not on the PATH: install g++, set "
            f"CXX, or {kernel.without}."
        )
    try:
        make_private_folder(cache)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            compiled = Path(folder) / f"{name}.so"
            # The user's own compiler, by $CXX.
            done = subprocess.run(  # nosec B603
                [*command, "-o", str(compiled), str(kernel.source)], capture_output=True, text=True
            )
            if done.returncode:
                first = next((line for line in done.stderr.splitlines() if "error" in line), "it gave no reason")
                raise RuntimeError(
                    f"'{command[0]}' cannot compile the {kernel.name} kernel ({first}): install g++ 11 or later, or "
                    f"{kernel.without}."
                )
            library = cache / f"{name}-{compiled.stat().st_size}.so"
            compiled.chmod(0o600)
            os.replace(compiled, library)
    except (OSError, ValueError) as error:
        raise kernel.unusable(cache, error) from None
    return library
