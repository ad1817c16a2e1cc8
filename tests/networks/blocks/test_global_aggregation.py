from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_nlseg.networks.blocks import GlobalAggregation

CASES = [
    [{"spatial_dims": 3, "in_channels": 8}, (2, 8, 4, 6, 5), (2, 8, 4, 6, 5)],
    [{"spatial_dims": 3, "in_channels": 8, "out_channels": 4, "query": "up"}, (1, 8, 2, 3, 4), (1, 4, 4, 6, 8)],
    [{"spatial_dims": 3, "in_channels": 4, "out_channels": 6, "query": "down"}, (1, 4, 5, 6, 7), (1, 6, 3, 3, 4)],
    [{"spatial_dims": 2, "in_channels": 8, "num_heads": 4}, (3, 8, 9, 1), (3, 8, 9, 1)],
    [{"spatial_dims": 2, "in_channels": 4, "query": "up", "num_heads": 2}, (1, 4, 5, 5), (1, 4, 10, 10)],
    [
        {
            "spatial_dims": 2,
            "in_channels": 4,
            "out_channels": 3,
            "key_channels": 2,
            "value_channels": 8,
            "num_heads": 2,
        },
        (1, 4, 6, 6),
        (1, 3, 6, 6),
    ],
]


def explicit(block: GlobalAggregation, x: torch.Tensor) -> torch.Tensor:
    """Equations (1) to (4) written out, one head at a time."""
    query, key, value = (layer(x) for layer in (block.query, block.key, block.value))
    outputs = []
    for q, k, v in zip(*(tensor.flatten(2).chunk(block.num_heads, 1) for tensor in (query, key, value))):
        weights = (q.transpose(1, 2) @ k / q.shape[1] ** 0.5).softmax(-1)
        outputs.append((weights @ v.transpose(1, 2)).transpose(1, 2))
    return block.project(torch.cat(outputs, 1).unflatten(2, query.shape[2:]))


@pytest.mark.parametrize(("kwargs", "input_shape", "expected_shape"), CASES)
@pytest.mark.parametrize("train", [True, False])
def test_shape_and_definition(kwargs, input_shape, expected_shape, train):
    torch.manual_seed(0)
    block = GlobalAggregation(**kwargs).train(train)
    x = torch.randn(input_shape)
    result = block(x)
    assert result.shape == expected_shape
    torch.testing.assert_close(result, explicit(block, x), rtol=1e-4, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["same", "down", "up"]),
    st.lists(st.integers(1, 5), min_size=2, max_size=3),
    st.sampled_from([1, 2, 3]),
    st.booleans(),
)
def test_equals_the_definition_in_any_memory_format(query, size, heads, channels_last):
    torch.manual_seed(0)
    block = GlobalAggregation(len(size), 6, 12, query=query, num_heads=heads).eval()
    x = torch.randn(2, 6, *size)
    if channels_last:
        x = x.contiguous(memory_format={2: torch.channels_last, 3: torch.channels_last_3d}[len(size)])
    torch.testing.assert_close(block(x), explicit(block, x), rtol=1e-4, atol=1e-5)


def test_operands_reach_the_kernel_contiguous(monkeypatch):
    seen = []
    kernel = torch.nn.functional.scaled_dot_product_attention

    def record(*operands, **kwargs):
        seen.extend(operands)
        return kernel(*operands, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", record)
    GlobalAggregation(3, 8, query="up", num_heads=2)(torch.randn(2, 8, 3, 4, 5))
    assert [tuple(tensor.shape) for tensor in seen] == [(2, 2, 480, 4), (2, 2, 60, 4), (2, 2, 60, 4)]
    assert all(tensor.is_contiguous() for tensor in seen)


def test_dropout_acts_in_training_only():
    block = GlobalAggregation(2, 4, dropout=0.5)
    x = torch.randn(1, 4, 8, 8)
    assert not torch.equal(block.train()(x), block(x))
    assert torch.equal(block.eval()(x), block(x))
    torch.testing.assert_close(block(x), explicit(block, x), rtol=1e-4, atol=1e-5)


def test_works_inside_a_monai_network():
    from monai.networks.nets import BasicUNet

    unet = BasicUNet(spatial_dims=2, in_channels=1, out_channels=2, features=(4, 4, 8, 8, 8, 4))
    unet.down_4 = torch.nn.Sequential(unet.down_4, GlobalAggregation(2, 8))
    assert unet(torch.randn(1, 1, 32, 32)).shape == (1, 2, 32, 32)
