from __future__ import annotations

import pytest
import torch

from monai_nlseg.bundle import Bundle
from monai_nlseg.networks.nets import FoldEnsemble, LAEDNet, NonLocalUNet
from monai_nlseg.training.generated import adapt_weights, store_weights, write_bundle
from monai_nlseg.training.planning.initial import read_initial
from tests.training.generated.factory import make_plan

STYLE = {"spatial_dims": 2, "features": 4, "depth": 2}


def saved(network, folder):
    file = folder / "model.pt"
    torch.save(network.state_dict(), file)
    return file


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (1, 2)])
def test_equal_channels_have_the_effect_that_they_had(before, after, tmp_path):
    source = NonLocalUNet(in_channels=before, out_channels=2, **STYLE).eval()
    target = NonLocalUNet(in_channels=after, out_channels=2, **STYLE).eval()
    state, sentences = adapt_weights(saved(source, tmp_path), target)
    target.load_state_dict(state)
    image = torch.rand(1, 1, 8, 8)
    grey = [image.expand(1, channels, 8, 8) for channels in (before, after)]
    assert torch.allclose(source(grey[0]), target(grey[1]), atol=1e-5)
    (sentence,) = sentences
    assert f"took {before} channels and takes {after} now" in sentence


def test_other_classes_begin_at_random_and_the_rest_is_kept(tmp_path):
    source = NonLocalUNet(in_channels=1, out_channels=4, **STYLE)
    target = NonLocalUNet(in_channels=1, out_channels=2, **STYLE)
    start = {name: value.clone() for name, value in target.state_dict().items()}
    state, sentences = adapt_weights(saved(source, tmp_path), target)
    for name, value in state.items():
        assert torch.equal(value, start[name] if name.startswith("output.") else source.state_dict()[name])
    assert sentences == ["These start from random weights, because their shapes or names differ: output.weight, "
                         "output.bias."]  # fmt: skip
    assert all(torch.equal(value, start[name]) for name, value in target.state_dict().items())


def test_the_first_of_several_folds_is_taken(tmp_path):
    members = [NonLocalUNet(in_channels=1, out_channels=2, **STYLE) for _ in range(2)]
    state, sentences = adapt_weights(saved(FoldEnsemble(members), tmp_path), members[1])
    assert not sentences
    assert all(torch.equal(state[name], value) for name, value in members[0].state_dict().items())


@pytest.mark.parametrize("kind", ["volumes", "regions", "lesions"])
def test_a_plan_takes_network_grid_and_intensities_of_an_own_bundle(kind, tmp_path):
    """Of one fold and of several."""
    before = make_plan(kind, tmp_path)
    bundle = Bundle(write_bundle(tmp_path / "own", before, kind))
    torch.save(bundle.network().state_dict(), tmp_path / "fold.pt")
    store_weights(bundle.root, [tmp_path / "fold.pt"])
    one = read_initial(str(bundle.root))
    store_weights(bundle.root, [tmp_path / "fold.pt"] * 2)
    several = read_initial(str(bundle.root))
    assert one == several and one.target == before.settings.network.target
    assert one.window == before.settings.sampling.window and one.spacing == before.settings.geometry.spacing
    found = [(each.kind, each.lower, each.upper) for each in one.intensity]
    assert found == [(each.kind, each.lower, each.upper) for each in before.settings.intensity]
    for each, own in zip(one.intensity, before.settings.intensity):
        assert (each.mean, each.deviation) == pytest.approx((own.mean, own.deviation))


def test_a_shipped_bundle_is_found_by_its_name():
    target = LAEDNet(in_channels=3, out_channels=2)
    state, sentences = adapt_weights("ultrasound_laednet_segmentation", target)
    target.load_state_dict(state)
    assert len(sentences) == 2


def test_weights_of_another_network_are_refused(tmp_path):
    file = saved(torch.nn.Conv2d(1, 1, 3), tmp_path)
    with pytest.raises(ValueError, match=r"0% of the network's weights fit those of '.*model.pt': choose the network"):
        adapt_weights(file, NonLocalUNet(in_channels=1, out_channels=2, **STYLE))
    with pytest.raises(ValueError, match="is not a bundle"):
        adapt_weights(tmp_path / "missing", NonLocalUNet(in_channels=1, out_channels=2, **STYLE))
