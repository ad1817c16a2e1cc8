"""Tests of compiling, caching and loading kernels."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest
import torch

from monai_nlseg.networks.kernels import attention, excitation, mbconv, norm
from monai_nlseg.networks.kernels import library as module
from monai_nlseg.networks.kernels.library import load_kernel


@pytest.fixture(
    scope="module",
    params=[attention.KERNEL, excitation.KERNEL, mbconv.KERNEL, norm.KERNEL],
    ids=lambda kernel: kernel.name,
)
def kernel(request):
    return request.param


@pytest.fixture(scope="module")
def quick_compiler(tmp_path_factory, kernel):
    """A compiler that is done at once: it copies what the real one made."""
    folder = tmp_path_factory.mktemp("compiler")
    target = f"-march={module.ARCHITECTURES[torch.backends.cpu.get_cpu_capability()]}"
    command = [os.environ.get("CXX", "g++"), *module.FLAGS, target, "-o", str(folder / "kernel.so"), str(kernel.source)]
    subprocess.run(command, check=True)
    compiler = folder / "cxx"
    compiler.write_text(f'#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nexec cp "{folder}/kernel.so" "$2"\n')
    compiler.chmod(0o700)
    return compiler


@pytest.fixture
def fresh(monkeypatch, tmp_path, quick_compiler):
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(quick_compiler))
    return tmp_path


def test_compiled_once(fresh, kernel, monkeypatch):
    monkeypatch.delenv("CXX")  # by the real compiler
    load_kernel(kernel)
    compiled = list((fresh / "cache" / "monai_nlseg").iterdir())
    assert [path.suffix for path in compiled] == [".so"]
    monkeypatch.setattr(module, "_compile", lambda *arguments: pytest.fail("compiled again"))
    load_kernel(kernel)


@pytest.mark.parametrize("size", [0, 2000])
def test_a_library_that_was_cut_short_is_compiled_again(fresh, kernel, size):
    load_kernel(kernel)
    (library,) = (fresh / "cache" / "monai_nlseg").iterdir()
    whole = library.read_bytes()
    # A new file: the old one is mapped into this process.
    library.unlink()
    library.write_bytes(whole[:size])
    load_kernel(kernel)
    assert library.stat().st_size == len(whole)


def _reload(kernel, monkeypatch):
    """Load again, and return how often the kernel was compiled for it."""
    compiled = []
    compile_ = module._compile
    monkeypatch.setattr(module, "_compile", lambda *arguments: compiled.append(1) or compile_(*arguments))
    load_kernel(kernel)
    return len(compiled)


def test_the_cache_is_private_whatever_the_umask(fresh, kernel):
    before = os.umask(0)
    try:
        load_kernel(kernel)
    finally:
        os.umask(before)
    (library,) = (fresh / "cache" / "monai_nlseg").iterdir()
    assert [path.stat().st_mode & 0o777 for path in (fresh / "cache", library.parent, library)] == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("planted", ["open", "link", "foreign"])
def test_a_planted_library_is_not_loaded(fresh, kernel, planted, monkeypatch, caplog):
    load_kernel(kernel)
    (library,) = (fresh / "cache" / "monai_nlseg").iterdir()
    evil = fresh / "evil.so"
    evil.write_bytes(library.read_bytes())  # were it loaded, all would be well
    library.unlink()
    if planted == "link":
        library.symlink_to(evil)
    else:
        evil.rename(library)
        library.chmod(0o666 if planted == "open" else 0o600)
    if planted == "foreign":
        _give_away(library)
    assert _reload(kernel, monkeypatch) == 1
    assert not library.is_symlink() and library.stat().st_mode & 0o777 == 0o600
    assert planted == "link" or "for another may have made it" in caplog.text


@pytest.mark.parametrize("where", ["folder", "above", "link", "foreign", "foreign above"])
def test_a_cache_that_others_can_exchange_is_refused(fresh, kernel, where):
    cache = fresh / "cache"
    folder = cache / "monai_nlseg"
    folder.mkdir(parents=True)
    if where == "link":
        folder.rename(fresh / "elsewhere")
        folder.symlink_to(fresh / "elsewhere")
    elif where.startswith("foreign"):
        _give_away(folder if where == "foreign" else cache)
    else:
        (folder if where == "folder" else cache).chmod(0o777)
    with pytest.raises(RuntimeError, match="cannot be kept in .*set XDG_CACHE_HOME to a folder that you alone"):
        load_kernel(kernel)


@pytest.mark.parametrize("home", ["home", "."])
def test_a_cache_in_the_working_folder_is_not_looked_at(fresh, kernel, monkeypatch, home):
    """An archive that was unpacked there may have brought a library."""
    monkeypatch.chdir(fresh)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(fresh / "home") if home == "home" else home)
    if home == ".":
        with pytest.raises(RuntimeError, match="you have no home folder.*set XDG_CACHE_HOME"):
            load_kernel(kernel)
    else:
        load_kernel(kernel)
        assert list((fresh / "home" / ".cache" / "monai_nlseg").glob("*.so"))
    assert not (fresh / "cache").exists() and not (fresh / ".cache").exists()


def _give_away(path):
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)


def test_a_library_that_cannot_be_loaded(fresh, kernel, monkeypatch):
    def refuse(path):
        raise OSError("failed to map segment from shared object")

    monkeypatch.setattr(module.ctypes, "CDLL", refuse)
    with pytest.raises(RuntimeError, match=f"cannot be loaded .failed to map segment.*or {kernel.without}"):
        load_kernel(kernel)


def test_no_compiler(fresh, kernel, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(RuntimeError, match="'no-such-compiler' is not on the PATH: install g"):
        load_kernel(kernel)


def test_failing_compiler_leaves_nothing_behind(fresh, kernel, monkeypatch):
    compiler = fresh / "cxx"
    compiler.write_text("#!/bin/sh\necho 'error: unknown march' >&2\nexit 1\n")
    compiler.chmod(compiler.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(RuntimeError, match=f"cannot compile the {kernel.name} kernel .error: unknown march"):
        load_kernel(kernel)
    assert os.listdir(fresh / "cache" / "monai_nlseg") == []


def test_cache_that_cannot_be_written(fresh, kernel, monkeypatch):
    (fresh / "cache").write_text("a file where the folder should be")
    with pytest.raises(RuntimeError, match="set XDG_CACHE_HOME"):
        load_kernel(kernel)


def test_processor_without_wide_vectors(fresh, kernel, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    with pytest.raises(RuntimeError, match="needs a processor with AVX2 or AVX-512, PyTorch found DEFAULT"):
        load_kernel(kernel)
