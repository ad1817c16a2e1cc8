"""Test-time augmentation over chosen views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer, SimpleInferer
from monai.utils import convert_to_dst_type

from monai_nlseg.inferers.views import Network, View, predict_views


class TestTimeAugmentationInferer(Inferer):
    """Mean and standard deviation of the probabilities for given views of an image.

    ``monai.data.TestTimeAugmentation`` is for random transforms of dictionaries: it draws them, so one flip may come
    twice and another never; it takes one image at a time and keeps every prediction; and it is not an inferer, so
    evaluators and bundles cannot use it. This class applies each of the given views once.

    Args:
        views: what the network sees; None for all flips of the spatial axes. See :func:`flip_views`,
            :func:`rotation_views`, :func:`combine_views` and :class:`View`.
        activation: what turns the network's output into probabilities before averaging: "softmax" over the channels,
            "sigmoid", or None to average the output itself.
        inferer: runs the network over a view; None for one forward pass. ``StepWindowInferer`` returns probabilities
            already: then give None as the activation here.
        deviation: whether a call also returns the standard deviation, in channels after those of the mean.

    Call: ``inferer(inputs, network, *args, **kwargs)`` with inputs (B, C, *spatial) and a network, in evaluation mode,
    that returns (B, classes, *spatial), or several in a sequence or a ``torch.nn.ModuleList``, whose predictions are
    averaged too. Returns the mean (B, classes, *spatial), float32, or with ``deviation`` mean and standard deviation
    (B, 2 * classes, *spatial); a MetaTensor gives a MetaTensor. No gradient is recorded. :meth:`mean_and_std` gives the
    two separately.

    Raises:
        ValueError: for arguments that do not fit, predictions of several shapes, and NaN or infinite ones.

    Examples::

        >>> import torch
        >>> from monai_nlseg.inferers import rotation_views
        >>> inferer = TestTimeAugmentationInferer(rotation_views(), activation="softmax")
        >>> mean, std = inferer.mean_and_std(torch.rand(1, 1, 32, 32), torch.nn.Conv2d(1, 3, 3, padding=1))
        >>> mean.shape, std.shape
        (torch.Size([1, 3, 32, 32]), torch.Size([1, 3, 32, 32]))
    """

    __test__ = False  # not a test class, despite its name

    def __init__(
        self,
        views: Sequence[View] | None = None,
        activation: Literal["softmax", "sigmoid"] | None = "softmax",
        inferer: Inferer | None = None,
        deviation: bool = False,
    ) -> None:
        super().__init__()
        if views is not None and not views:
            raise ValueError("views is empty: give at least one, or None for all flips.")
        if activation not in ("softmax", "sigmoid", None):
            raise ValueError(f"activation {activation!r} is unknown: choose 'softmax' or 'sigmoid' or None.")
        self.views = views
        self.activation = activation
        self.inferer = SimpleInferer() if inferer is None else inferer
        self.deviation = deviation

    def __call__(
        self, inputs: torch.Tensor, network: Network | Sequence[Network], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        mean, std = self.mean_and_std(inputs, network, *args, **kwargs)
        return torch.cat((mean, std), dim=1) if self.deviation else mean

    @torch.no_grad()
    def mean_and_std(
        self, inputs: torch.Tensor, network: Network | Sequence[Network], *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean and the standard deviation over views and networks, each (B, classes, *spatial).

        The deviation is that of a population (divided by K), because the views are all there are: 0 for a single one.

        Args:
            inputs: images (B, C, *spatial).
            network: one network or several.
            args: further arguments of the networks.
            kwargs: further named arguments of the networks.

        Raises:
            ValueError: as a call does.
        """
        mean = squares = torch.zeros(())
        for count, prediction in enumerate(
            predict_views(inputs, network, self.views, self.inferer, *args, **kwargs), 1
        ):
            probabilities = self._activate(prediction)
            # Welford's update: sums of squares would lose small deviations in float32.
            before = probabilities - mean
            mean = mean + before / count
            squares = squares + before * (probabilities - mean)
        std = (squares / count).sqrt()
        if isinstance(inputs, MetaTensor):
            mean, std = (
                convert_to_dst_type(each, inputs, dtype=each.dtype, device=each.device)[0] for each in (mean, std)
            )
        return mean, std

    def _activate(self, prediction: torch.Tensor) -> torch.Tensor:
        if self.activation == "sigmoid":
            return prediction.sigmoid()
        if self.activation == "softmax":
            if prediction.shape[1] == 1:
                raise ValueError("the softmax of one channel is 1 everywhere: use activation='sigmoid' or None.")
            return prediction.softmax(1)
        return prediction
