from __future__ import annotations

import torch
import torch.nn as nn
from monai.networks.nets import BasicUNetPlusPlus

from monai_nlseg.experiments.peers import SingleOutput


class Doubling(nn.Module):
    def forward(self, x):
        return [2 * x, 3 * x]


def test_first_output_alone():
    torch.testing.assert_close(SingleOutput(Doubling())(torch.ones(1, 2)), torch.full((1, 2), 2.0))


def test_of_monais_unetplusplus_all_that_is_used_learns():
    peer = BasicUNetPlusPlus(2, 1, 1, features=(4, 4, 4, 4, 4, 4))
    network = SingleOutput(peer)
    x = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(network(x), peer(x)[0])
    network(x).sum().backward()
    idle = {name.split(".")[1] for name, each in network.named_parameters() if each.grad is None}
    assert idle == {"final_conv_0_1", "final_conv_0_2", "final_conv_0_3"}  # of deep supervision
