from __future__ import annotations

from urllib.error import URLError

import pytest
import torch
import torch.nn as nn
from monai.utils import optional_import

from monai_nlseg.networks import imagenet
from monai_nlseg.networks.imagenet import (
    adapt_first_convolution,
    fetch_imagenet_weights,
    load_imagenet_weights,
    load_resnet_weights,
    read_imagenet_weights,
)
from monai_nlseg.networks.nets import DNLNet, RegionAwareNet
from tests.networks.trained import trained


class Encoder(nn.Module):
    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)


class Classifier(Encoder):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 1000)


class TestFirstConvolution:
    def test_one_channel_answers_a_grey_image_as_three_did(self):
        weight, grey = torch.randn(4, 3, 3, 3), torch.randn(1, 1, 8, 8)
        three = nn.functional.conv2d(grey.expand(1, 3, 8, 8), weight)
        one = nn.functional.conv2d(grey, adapt_first_convolution(weight, 1))
        torch.testing.assert_close(one, three)

    def test_three_channels_are_kept(self):
        weight = torch.randn(4, 3, 3, 3)
        assert adapt_first_convolution(weight, 3) is weight

    @pytest.mark.parametrize("channels", [2, 4, 6, 7])
    def test_more_channels_repeat_the_three(self, channels):
        weight = torch.randn(4, 3, 5, 5)
        adapted = adapt_first_convolution(weight, channels)
        assert adapted.shape == (4, channels, 5, 5)
        for channel in range(channels):
            torch.testing.assert_close(adapted[:, channel], weight[:, channel % 3] * 3 / channels)

    def test_other_than_three_is_refused(self):
        with pytest.raises(ValueError, match=r"\[4, 1, 3, 3\].*expected \(out_channels, 3"):
            adapt_first_convolution(torch.zeros(4, 1, 3, 3), 1)


class TestRead:
    def test_state_dict(self, tmp_path):
        torch.save(Classifier().state_dict(), tmp_path / "weights.pth")
        assert read_imagenet_weights(tmp_path / "weights.pth").keys() == Classifier().state_dict().keys()

    def test_missing(self, tmp_path):
        with pytest.raises(ValueError, match="nothing.pth' is not a file or does not exist"):
            read_imagenet_weights(tmp_path / "nothing.pth")

    def test_folder(self, tmp_path):
        with pytest.raises(ValueError, match="is not a file or does not exist: give one"):
            read_imagenet_weights(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04 half an archive"])
    def test_unreadable(self, tmp_path, content):
        (tmp_path / "broken.pth").write_bytes(content)
        with pytest.raises(ValueError, match="broken.pth' is not a file of PyTorch weights: it is damaged") as error:
            read_imagenet_weights(tmp_path / "broken.pth")
        assert "weights_only" not in str(error.value)

    def test_damaged(self, tmp_path):
        path = tmp_path / "broken.pth"
        torch.save(Classifier().state_dict(), path)
        content = bytearray(path.read_bytes())
        content[100:400] = b"x" * 300
        path.write_bytes(content)
        with pytest.raises(ValueError, match="broken.pth' is not a file of PyTorch weights: it is damaged"):
            read_imagenet_weights(path)

    def test_whole_network(self, tmp_path):
        torch.save(Classifier(), tmp_path / "network.pth")
        with pytest.raises(ValueError, match="holds more than tensors, give one that torch.save"):
            read_imagenet_weights(tmp_path / "network.pth")

    def test_without_safetensors(self, tmp_path, monkeypatch):
        missing = optional_import("a_package_that_is_not_there", name="load_file")
        monkeypatch.setattr(imagenet, "optional_import", lambda *args, **kwargs: missing)
        (tmp_path / "model.safetensors").touch()
        with pytest.raises(ValueError, match="model.safetensors' needs safetensors, .* pip install safetensors"):
            read_imagenet_weights(tmp_path / "model.safetensors")

    def test_safetensors(self, tmp_path):
        safetensors = pytest.importorskip("safetensors.torch")
        safetensors.save_file(Classifier().state_dict(), tmp_path / "model.safetensors")
        state = read_imagenet_weights(tmp_path / "model.safetensors")
        assert state.keys() == Classifier().state_dict().keys()
        (tmp_path / "broken.safetensors").write_bytes(b"not weights at all")
        with pytest.raises(ValueError, match="broken.safetensors' is not a file of safetensors"):
            read_imagenet_weights(tmp_path / "broken.safetensors")

    @pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, {1: torch.zeros(1)}])
    def test_something_else(self, tmp_path, content):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(ValueError, match="holds no state dict"):
            read_imagenet_weights(tmp_path / "other.pth")


class TestFetch:
    def test_no_network(self):
        def fetch():
            raise URLError("no route to host")

        with pytest.raises(ConnectionError, match="ImageNet weights of resnet34 .*no route.*give weights_path=FILE"):
            fetch_imagenet_weights("resnet34", fetch, "resnet34.pth")

    def test_returns_the_loaders(self):
        assert fetch_imagenet_weights("resnet34", lambda: {"a": torch.zeros(1)}, "resnet34.pth").keys() == {"a"}


class TestLoad:
    @pytest.mark.parametrize("channels", [1, 3, 5])
    def test_all_but_the_classifier(self, channels):
        source, encoder = Classifier(), Encoder(channels)
        source.bn1.running_mean.normal_()
        load_imagenet_weights(encoder, source.state_dict(), "conv1.weight", ignore=("fc.",))
        torch.testing.assert_close(encoder.bn1.running_mean, source.bn1.running_mean)
        torch.testing.assert_close(encoder.conv1.weight, adapt_first_convolution(source.conv1.weight, channels))

    def test_old_files_without_counts_of_batches(self):
        state = {k: v for k, v in Encoder().state_dict().items() if not k.endswith("num_batches_tracked")}
        encoder = Encoder()
        load_imagenet_weights(encoder, state, "conv1.weight")
        torch.testing.assert_close(encoder.conv1.weight, state["conv1.weight"])

    def test_missing_and_unknown_are_named(self):
        state = Classifier().state_dict()
        del state["bn1.weight"]
        with pytest.raises(ValueError, match=r"missing \['bn1.weight'\], unknown \['fc.bias', 'fc.weight'\]"):
            load_imagenet_weights(Encoder(), state, "conv1.weight")

    def test_other_shape(self):
        state = Encoder().state_dict() | {"bn1.weight": torch.ones(5)}
        with pytest.raises(ValueError, match=r"'bn1.weight' has shape \[5\], the encoder's has \[4\]"):
            load_imagenet_weights(Encoder(), state, "conv1.weight")


class TestResNet:
    """MONAI's ResNets against torchvision's, whose weights they take."""

    @pytest.mark.parametrize(
        ("depth", "encoder"),
        [(34, lambda: RegionAwareNet().encoder), (50, lambda: DNLNet.resnet50(in_channels=3, pyramid=None).encoder)],
    )
    def test_computes_what_torchvisions_does(self, depth, encoder, tmp_path):
        models = pytest.importorskip("torchvision.models", reason="torchvision is not installed", exc_type=ImportError)
        torch.manual_seed(0)
        theirs = trained(getattr(models, f"resnet{depth}")(weights=None))
        torch.save(theirs.state_dict(), tmp_path / "resnet.pth")
        ours = encoder().eval()
        load_resnet_weights(ours, depth, tmp_path / "resnet.pth")
        seen = []
        theirs.layer4.register_forward_hook(lambda module, inputs, output: seen.append(output))
        with torch.inference_mode():
            x = torch.randn(1, 3, 64, 96)
            theirs(x)
            features = ours(x)
        assert features[-1].shape[2:] == (2, 3)
        torch.testing.assert_close(features[-1], seen[0], rtol=1e-4, atol=1e-4 * float(seen[0].abs().max()))
