"""The compiled attention against the definition in double precision."""

from __future__ import annotations

import os
import stat

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_nlseg.networks.kernels import attention as module
from monai_nlseg.networks.kernels import compiled_attention, load_attention_kernel


def definition(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    query, key, value = query.double(), key.double(), value.double()
    return (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1) @ value


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 2),
    rows=st.integers(1, 300),
    keys=st.integers(1, 400),
    width=st.sampled_from(module.KERNEL_WIDTHS),
    spread=st.sampled_from([0.01, 1.0, 8.0]),
)
def test_equals_the_definition(batch, heads, rows, keys, width, spread):
    generator = torch.Generator().manual_seed(rows * 1000 + keys)
    query = spread * torch.randn(batch, heads, rows, width, generator=generator)
    key = torch.randn(batch, heads, keys, width, generator=generator)
    value = torch.randn(batch, heads, keys, width, generator=generator)
    expected = definition(query, key, value)
    assert (compiled_attention(query, key, value) - expected).abs().max() < 1e-5 * max(spread, 1.0)


def test_extreme_scores_saturate_instead_of_overflowing():
    query = torch.full((1, 1, 7, 32), 1e3)
    key = torch.randn(1, 1, 260, 32, generator=torch.Generator().manual_seed(0))
    value = torch.randn(1, 1, 260, 32, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(compiled_attention(query, key, value), definition(query, key, value).float())


def test_rising_scores_move_the_running_maximum():
    query = torch.ones(1, 1, 3, 16)
    key = torch.linspace(-40, 40, 500)[None, None, :, None].repeat(1, 1, 1, 16)
    value = torch.randn(1, 1, 500, 16, generator=torch.Generator().manual_seed(0))
    # Float32 holds scores of 160 to within 1e-5, which is the relative error of the weights.
    expected = definition(query, key, value).float()
    torch.testing.assert_close(compiled_attention(query, key, value), expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("operand", [0, 1, 2])
def test_nan_is_not_hidden(operand):
    operands = [torch.randn(1, 1, length, 32) for length in (200, 150, 150)]
    operands[operand][0, 0, 140] = float("nan")
    output = compiled_attention(*operands)
    rows = output.isnan().all(-1).flatten()
    assert rows[140] and (operand == 0) == (rows.sum() == 1)


def test_views_and_reduced_precision():
    query, key, value = (torch.randn(1, 2, 32, 90).transpose(-1, -2) for _ in range(3))
    torch.testing.assert_close(compiled_attention(query, key, value), definition(query, key, value).float())
    reduced = compiled_attention(query.bfloat16(), key.bfloat16(), value.bfloat16())
    assert reduced.dtype == torch.bfloat16
    torch.testing.assert_close(reduced.double(), definition(query, key, value), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("width", [8, 24])
def test_other_widths_and_gradients_go_through_torch(width):
    query = torch.randn(1, 1, 20, width, requires_grad=True)
    key = value = torch.randn(1, 1, 30, width)
    output = compiled_attention(query, key, value)
    output.sum().backward()
    assert query.grad is not None and query.grad.abs().sum() > 0
    torch.testing.assert_close(output.detach().double(), definition(query, key, value).detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 1, 8, 16), (1, 1, 9, 16), (1, 1, 9, 16)),  # broadcast
        ((1, 8, 16), (1, 9, 16), (1, 9, 16)),
        ((1, 1, 8, 16), (1, 1, 9, 16), (1, 1, 9, 32)),
    ],
)
def test_other_shapes_go_through_torch(shapes):
    operands = [torch.randn(shape) for shape in shapes]
    torch.testing.assert_close(compiled_attention(*operands), definition(*operands).float(), atol=1e-5, rtol=1e-5)


def test_channels_that_do_not_fit_are_refused():
    with pytest.raises(RuntimeError):
        compiled_attention(torch.randn(1, 1, 8, 16), torch.randn(1, 1, 9, 8), torch.randn(1, 1, 9, 16))


def test_registration_is_complete():
    operands = tuple(torch.randn(1, 2, length, 32) for length in (40, 30, 30))
    torch.library.opcheck(torch.ops.monai_nlseg.attention, operands)


def test_same_result_with_any_number_of_threads():
    operands = [torch.randn(2, 1, length, 32) for length in (1000, 700, 700)]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = compiled_attention(*operands)
        torch.set_num_threads(3)
        three = compiled_attention(*operands)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one, three)


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A loader that has loaded nothing yet, with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load_attention_kernel.cache_clear()
    yield tmp_path
    load_attention_kernel.cache_clear()


def test_compiled_once(fresh, monkeypatch):
    load_attention_kernel()
    compiled = list((fresh / "cache" / "monai_nlseg").iterdir())
    assert [path.suffix for path in compiled] == [".so"]
    load_attention_kernel.cache_clear()
    monkeypatch.setattr(module, "_compile", lambda *arguments: pytest.fail("compiled again"))
    load_attention_kernel()


@pytest.mark.parametrize("size", [0, 2000])
def test_a_library_that_was_cut_short_is_compiled_anew(fresh, size):
    load_attention_kernel()
    (library,) = (fresh / "cache" / "monai_nlseg").iterdir()
    whole = library.read_bytes()
    # A new file: the old one is mapped into this process.
    library.unlink()
    library.write_bytes(whole[:size])
    load_attention_kernel.cache_clear()
    load_attention_kernel()
    assert library.stat().st_size == len(whole)


def test_a_library_that_cannot_be_loaded(fresh, monkeypatch):
    def refuse(path):
        raise OSError("failed to map segment from shared object")

    monkeypatch.setattr(module.ctypes, "CDLL", refuse)
    with pytest.raises(RuntimeError, match="cannot be loaded .failed to map segment.*use attention='torch'"):
        load_attention_kernel()


def test_no_compiler(fresh, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(RuntimeError, match="'no-such-compiler' is not on the PATH: install g"):
        load_attention_kernel()


def test_failing_compiler_leaves_nothing_behind(fresh, monkeypatch):
    compiler = fresh / "cxx"
    compiler.write_text("#!/bin/sh\necho 'error: unknown march' >&2\nexit 1\n")
    compiler.chmod(compiler.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(RuntimeError, match="cannot compile the attention kernel .error: unknown march"):
        load_attention_kernel()
    assert os.listdir(fresh / "cache" / "monai_nlseg") == []


def test_cache_that_cannot_be_written(fresh, monkeypatch):
    (fresh / "cache").write_text("a file where the folder should be")
    with pytest.raises(RuntimeError, match="set XDG_CACHE_HOME"):
        load_attention_kernel()


def test_processor_without_wide_vectors(fresh, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    with pytest.raises(RuntimeError, match="needs a processor with AVX2 or AVX-512, PyTorch found DEFAULT"):
        load_attention_kernel()


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() != "AVX512", reason="the other architecture is tested")
def test_avx2(fresh, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    operands = [torch.randn(1, 2, length, 64) for length in (250, 333, 333)]
    torch.testing.assert_close(compiled_attention(*operands), definition(*operands).float(), atol=1e-5, rtol=1e-5)
