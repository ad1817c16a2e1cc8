"""Non-local U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv

from monai_nlseg.networks.blocks.global_aggregation import GlobalAggregation
from monai_nlseg.networks.blocks.own_aggregation import Aggregation
from monai_nlseg.networks.blocks.preactivation import AggregationResidualBlock, NormAct, PreactivationResidualBlock
from monai_nlseg.networks.blocks.same_padding import SameConvolution, SameTransposedConvolution
from monai_nlseg.networks.checks import check_channels, check_input, check_spatial_dims

# TensorFlow's momentum 0.997 is PyTorch's 0.003.
PUBLISHED_NORM = ("batch", {"momentum": 0.003, "eps": 1e-5})
PUBLISHED_ACT = ("relu6", {"inplace": True})


class NonLocalUNet(nn.Module):
    """Non-local U-Net: a residual U-Net whose bottom and up-sampling blocks aggregate over the whole input.

    Source: Wang, Zou, Shen, Ji, "Non-local U-Nets for Biomedical Image Segmentation", AAAI 2020
    (https://arxiv.org/abs/1812.04103). The defaults are the paper's network with 1,821,124 parameters. The paper and
    its published code differ: the code attends in the first up-sampling block only (:meth:`released`) and its
    attention dropout never acts, therefore ``attention_dropout=0.0`` here and 0.5 in :meth:`paper`.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the input, 2 for T1 and T2.
        out_channels: classes including the background.
        features: channels of the first level; each deeper level doubles them.
        depth: number of levels.
        bottom_attention: global aggregation at the deepest level; else norm - act - conv3.
        upsample_attention: for each up-sampling, deepest first, whether it is a global aggregation; else a
            transposed convolution. One bool stands for all.
        short_residual: whether the blocks have shortcuts.
        num_heads: heads of the bottom attention; the up-sampling blocks have one.
        dropout: dropout rate before the last convolution.
        attention_dropout: dropout rate on the attention weights.
        norm: MONAI name or (name, arguments) of the normalisation; the default is the published batch norm, whose
            running statistics lag about a thousand iterations: give a larger momentum for short trainings.
        act: MONAI name or (name, arguments) of the activation.
        aggregation: the attention block in place of the paper's: a class, its dotted path, or either with further
            arguments. It is called as :class:`~monai_nlseg.networks.blocks.GlobalAggregation` is, with ``query="same"``
            at the bottom and ``query="up"`` in the up-sampling blocks; see docs/how-to/own-attention-block.md.

    Shapes: (B, in_channels, *spatial) -> logits (B, out_channels, *spatial); each spatial size must be divisible by
    ``2 ** (depth - 1)``. The published windows are 32^3, standardised to zero mean and unit variance.

    Raises:
        ValueError: for arguments that do not fit each other, an attention block that does not fit, an input of other
            rank or channels, or a spatial size that is not divisible (the message names the size to pad to).

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import NonLocalUNet
        >>> net = NonLocalUNet(spatial_dims=3, in_channels=2, out_channels=4)
        >>> net(torch.zeros(1, 2, 16, 16, 16)).shape
        torch.Size([1, 4, 16, 16, 16])
    """

    def __init__(
        self,
        spatial_dims: int = 3,
        in_channels: int = 2,
        out_channels: int = 4,
        features: int = 32,
        depth: int = 3,
        bottom_attention: bool = True,
        upsample_attention: Sequence[bool] | bool = True,
        short_residual: bool = True,
        num_heads: int = 2,
        dropout: float = 0.5,
        attention_dropout: float = 0.0,
        norm: str | tuple = PUBLISHED_NORM,
        act: str | tuple = PUBLISHED_ACT,
        aggregation: Aggregation = GlobalAggregation,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if depth < 2:
            raise ValueError(f"depth {depth} leaves nothing to up-sample: give at least 2.")
        check_channels(in_channels=in_channels, out_channels=out_channels, features=features)
        if isinstance(upsample_attention, bool):
            upsample_attention = (upsample_attention,) * (depth - 1)
        if len(upsample_attention) != depth - 1:
            raise ValueError(
                f"upsample_attention has {len(upsample_attention)} entries, but depth {depth} has {depth - 1} "
                "up-samplings: give one entry for each, deepest first."
            )
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.divisor = 2 ** (depth - 1)

        channels = [features * 2**level for level in range(depth)]
        style: dict[str, Any] = {"short_residual": short_residual, "norm": norm, "act": act}
        self.initial = SameConvolution(spatial_dims, in_channels, features, 3)
        self.encoder = nn.ModuleList(
            PreactivationResidualBlock(
                spatial_dims, channels[max(level - 1, 0)], channels[level], stride=1 if level == 0 else 2, **style
            )
            for level in range(depth)
        )
        self.bottom: nn.Module
        if bottom_attention:
            self.bottom = AggregationResidualBlock(
                spatial_dims,
                channels[-1],
                channels[-1],
                num_heads=num_heads,
                dropout=attention_dropout,
                aggregation=aggregation,
                **style,
            )
        else:
            self.bottom = _BottomConvolution(spatial_dims, channels[-1], **style)
        self.upsample = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for level, attends in zip(range(depth - 2, -1, -1), upsample_attention):
            if attends:
                self.upsample.append(
                    AggregationResidualBlock(
                        spatial_dims,
                        channels[level + 1],
                        channels[level],
                        upsample=True,
                        dropout=attention_dropout,
                        aggregation=aggregation,
                        **style,
                    )
                )
            else:
                self.upsample.append(SameTransposedConvolution(spatial_dims, channels[level + 1], channels[level]))
            self.decoder.append(
                PreactivationResidualBlock(spatial_dims, channels[level], channels[level], projection=False, **style)
            )
        self.norm_act = NormAct(spatial_dims, features, norm, act)
        self.dropout = nn.Dropout(dropout)
        self.output = Conv[Conv.CONV, spatial_dims](features, out_channels, 1)

    @classmethod
    def paper(cls, **kwargs: Any) -> NonLocalUNet:
        """Build the network as the paper states it: attention in both up-sampling blocks, attention dropout 0.5.

        Args:
            kwargs: other arguments of :class:`NonLocalUNet`, which override those of the variant.
        """
        return cls(**{"attention_dropout": 0.5, **kwargs})

    @classmethod
    def released(cls, **kwargs: Any) -> NonLocalUNet:
        """Build the published code's network: attention in the first up-sampling block only, 1,760,452 parameters.

        Args:
            kwargs: other arguments of :class:`NonLocalUNet`, which override those of the variant.
        """
        return cls(**{"upsample_attention": (True, False), **kwargs})

    @classmethod
    def model1(cls, **kwargs: Any) -> NonLocalUNet:
        """Build ablation Model 1: a U-Net without short residual connections and without attention.

        Args:
            kwargs: other arguments of :class:`NonLocalUNet`, which override those of the variant.
        """
        return cls(
            **{"short_residual": False, "bottom_attention": False, "upsample_attention": (False, False), **kwargs}
        )

    @classmethod
    def model2(cls, **kwargs: Any) -> NonLocalUNet:
        """Build ablation Model 2: Model 1 with short residual connections.

        Args:
            kwargs: other arguments of :class:`NonLocalUNet`, which override those of the variant.
        """
        return cls(**{"bottom_attention": False, "upsample_attention": (False, False), **kwargs})

    @classmethod
    def model3(cls, **kwargs: Any) -> NonLocalUNet:
        """Build ablation Model 3: Model 2 with attention in the first up-sampling block.

        Args:
            kwargs: other arguments of :class:`NonLocalUNet`, which override those of the variant.
        """
        return cls(**{"bottom_attention": False, "upsample_attention": (True, False), **kwargs})

    @classmethod
    def model4(cls, **kwargs: Any) -> NonLocalUNet:
        """Build ablation Model 4: Model 2 with attention in both up-sampling blocks.

        Args:
            kwargs: other arguments of :class:`NonLocalUNet`, which override those of the variant.
        """
        return cls(**{"bottom_attention": False, "upsample_attention": (True, True), **kwargs})

    @classmethod
    def model5(cls, **kwargs: Any) -> NonLocalUNet:
        """Build ablation Model 5: Model 2 with attention in the bottom block only.

        Args:
            kwargs: other arguments of :class:`NonLocalUNet`, which override those of the variant.
        """
        return cls(**{"bottom_attention": True, "upsample_attention": (False, False), **kwargs})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_input(x, self.spatial_dims, self.in_channels, self.divisor)
        x = self.initial(x)
        skips: list[torch.Tensor] = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
        x = self.bottom(x)
        skips.pop()
        for upsample, decoder in zip(self.upsample, self.decoder):
            # Not in place: what is up-sampled has gaps in memory, its sum with a skip has none.
            x = decoder(upsample(x) + skips.pop())
        return self.output(self.dropout(self.norm_act(x)))


class _BottomConvolution(nn.Module):
    """norm - act - conv3 in place of the bottom attention (ablation Models 1 to 4); adds its input as that does.

    The paper gives no layer order for this block; this interpretation is documented in the reference.
    """

    def __init__(
        self, spatial_dims: int, channels: int, short_residual: bool, norm: str | tuple, act: str | tuple
    ) -> None:
        super().__init__()
        self.short_residual = short_residual
        self.norm_act = NormAct(spatial_dims, channels, norm, act)
        self.conv = SameConvolution(spatial_dims, channels, channels, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.conv(self.norm_act(x))
        if self.short_residual:
            out += x
        return out
