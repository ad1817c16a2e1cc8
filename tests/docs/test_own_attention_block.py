"""The block that the page shows runs in the network, also named by its path as on the command line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from monai_nlseg.networks.nets import NonLocalUNet
from tests.training.planning.fingerprints import volumes

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-attention-block.md"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "own_attention.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("own_attention", None)


def test_the_file_prints_what_the_page_says(folder):
    done = subprocess.run([sys.executable, "own_attention.py"], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "torch.Size([1, 4, 16, 16, 16])"
    assert f"prints `{done.stdout.strip()}`" in PAGE.read_text(encoding="utf-8")


def test_it_learns(folder):
    network = NonLocalUNet(2, 1, 2, features=4, aggregation="own_attention.LinearAttention", norm="instance")
    network(torch.randn(1, 1, 16, 16)).square().mean().backward()
    gradients = [parameter.grad.abs().sum() for parameter in network.bottom.aggregation.parameters()]
    assert len(gradients) == 8 and all(gradient > 0 for gradient in gradients[4:])


def test_a_plan_takes_it(folder):
    from monai_nlseg.training.planning.make import plan

    given = {"network.arguments.aggregation": "own_attention.LinearAttention", "network.arguments.features": 8}
    chosen = plan(volumes(), iterations=4, overrides=given)
    assert chosen.settings.network.arguments["aggregation"] == "own_attention.LinearAttention"
    assert chosen.settings.network.arguments["upsample_attention"] == [True, False]
