"""What a server knows of a bundle, and holds of it."""

from __future__ import annotations

import gc
import gzip
import json
import os
import struct
import sys
import weakref

import nibabel
import numpy as np
import pytest
import torch

from monai_nlseg.bundle import find_bundle
from monai_nlseg.label import write_app
from monai_nlseg.label.served import ServedBundle, served_bundles
from tests.cohort.bundles import unet_bundle
from tests.label.studies import write_picture, write_t1, write_t1_t2


@pytest.fixture
def tiny(tmp_path) -> ServedBundle:
    return ServedBundle("tiny", unet_bundle(tmp_path / "tiny"))


@pytest.fixture
def volume(tmp_path):
    return write_t1(tmp_path / "studies", "volume", 0)[0]


def labels_of(served, volume):
    model = served.model("cpu")
    return model.finish(model.infer(served.read(model, volume))).labels


def test_labels_and_dimensions_of_the_shipped_ones(tmp_path):
    write_app(tmp_path / "app")
    served = served_bundles(tmp_path / "app")
    tissues = {"CSF": 1, "GM": 2, "WM": 3}
    assert {name: (bundle.labels, bundle.dimension) for name, bundle in served.items()} == {
        "brain_t1_nonlocal_unet_segmentation": (tissues, 3),
        "iseg_mri_nonlocal_unet_segmentation": (tissues, 3),
        "intracranial_vessel_dnlnet_segmentation": ({"vessel": 1}, 3),
        "nerve_ultrasound_efficientunet_segmentation": ({"brachial plexus": 1}, 2),
        "nerve_ultrasound_region_aware_segmentation": ({"nerve": 1}, 2),
        "retinal_vessel_dnlnet_segmentation": ({"vessel": 1}, 2),
        "ultrasound_laednet_segmentation": ({"fetal head": 1}, 2),
        "ultrasound_laednet_breast": ({"breast lesion": 1}, 2),
    }


def test_the_network_is_loaded_once_and_anew_with_other_weights(tiny, volume):
    first = tiny.model("cpu")
    assert tiny.model("cpu") is first
    before = labels_of(tiny, volume)
    weights = torch.load(tiny.weights)
    beside = tiny.weights.with_name("next.pt")
    torch.save({name: -value for name, value in weights.items()}, beside)
    os.replace(beside, tiny.weights)
    assert tiny.model("cpu") is not first
    assert (labels_of(tiny, volume) != before).any()


def test_weights_that_do_not_fit_are_refused(tiny):
    weights = torch.load(tiny.weights)
    weights.pop(next(iter(weights)))
    torch.save(weights, tiny.weights)
    with pytest.raises(ValueError, match="do not fit"):
        tiny.model("cpu")


def test_missing_weights_are_reported(tiny):
    tiny.weights.unlink()
    with pytest.raises(ValueError, match="tiny has no weights yet: train it"):
        tiny.model("cpu")


@pytest.mark.parametrize("device", ["cpu') or open('{}', 'w", "a100", ""])
def test_what_a_client_calls_a_device_is_never_run(tiny, tmp_path, device):
    with pytest.raises(ValueError, match="is unknown: give cpu, cuda or cuda:1"):
        tiny.model(device.format(tmp_path / "made"))
    assert not (tmp_path / "made").exists()


def test_one_image_at_a_time(tiny, volume):
    write_t1(volume.parent, "second", 1)
    with pytest.raises(ValueError, match="holds 2 images: give one"):
        tiny.read(tiny.model("cpu"), volume.parent)


def test_no_room_in_memory(tiny, volume, monkeypatch):
    served = ServedBundle(
        "tiny",
        tiny.root,
        {"inferer": {"_target_": "monai_nlseg.inferers.StepWindowInferer", "roi_size": [16, 16, 16], "step": 16}},
    )
    model = served.model("cpu")
    served.read(model, volume)
    monkeypatch.setattr("monai_nlseg.inferers.cost.available_bytes", lambda device: 1000)
    served.read(model, volume)  # not larger than what there was room for
    large = volume.with_name("large.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.random.default_rng(0).random((64, 64, 64), np.float32), np.eye(4)), large)
    with pytest.raises(ValueError, match="needs .* MB even one window at a time"):
        served.read(model, large)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"models": []}', '{"models": {"a": {}}}', '{"models": {"a": {"bundle": "absent"}}}']
)
def test_a_damaged_list_of_models(tmp_path, text):
    (tmp_path / "app.json").write_text(text)
    with pytest.raises(ValueError, match="is not a list of models|is not a bundle"):
        served_bundles(tmp_path)


def test_overrides_of_the_list_count(tmp_path):
    write_app(tmp_path / "app", ["brain_t1_nonlocal_unet_segmentation"])
    path = tmp_path / "app" / "app.json"
    models = json.loads(path.read_text())
    models["models"]["other"] = {
        "bundle": "brain_t1_nonlocal_unet_segmentation",
        "overrides": {"checkpoint": str(tmp_path / "other.pt")},
    }
    path.write_text(json.dumps(models))
    assert served_bundles(tmp_path / "app")["other"].weights == tmp_path / "other.pt"


def test_overrides_of_the_training_alone_leave_inference_as_it_is(tmp_path):
    write_app(tmp_path / "app", ["brain_t1_nonlocal_unet_segmentation"])
    root = tmp_path / "app" / "model" / "brain_t1_nonlocal_unet_segmentation"
    served = ServedBundle("brain", root, {"windows_per_epoch": 20, "step": 32})
    assert served.overrides_of("inference") == {"step": 32}
    assert served.overrides_of("train") == {"windows_per_epoch": 20, "step": 32}
    assert served.model("cpu").evaluator.inferer.step == 32


def test_overrides_that_neither_config_knows(tmp_path):
    root = unet_bundle(tmp_path / "own")
    with pytest.raises(ValueError, match="own overrides windows_per_epok, which is in neither config"):
        ServedBundle("own", root, {"windows_per_epok": 20})


def test_images_of_its_kind(tmp_path):
    write_app(tmp_path / "app")
    served = served_bundles(tmp_path / "app")
    one, two = write_t1(tmp_path / "s", "one", 0)[0], write_t1_t2(tmp_path / "s", "two", 1)[0]
    picture = write_picture(tmp_path / "s", "picture", 2)[0]
    (damaged := tmp_path / "s" / "damaged.nii.gz").write_bytes(b"no image")
    taken = {name: [bundle.takes(image) for image in (one, two, picture)] for name, bundle in served.items()}
    assert taken["brain_t1_nonlocal_unet_segmentation"] == [True, False, False]
    assert taken["iseg_mri_nonlocal_unet_segmentation"] == [False, True, False]
    assert taken["intracranial_vessel_dnlnet_segmentation"] == [True, False, False]
    assert taken["retinal_vessel_dnlnet_segmentation"] == taken["ultrasound_laednet_breast"] == [False, False, True]
    assert served["brain_t1_nonlocal_unet_segmentation"].takes(damaged)


@pytest.mark.parametrize("damage", ["stream", "type", "gone"])
def test_an_image_that_cannot_be_judged_counts_as_taken(tmp_path, damage):
    """nibabel raises what zlib does, and errors of its own."""
    write_app(tmp_path / "app", ["iseg_mri_nonlocal_unet_segmentation"])
    volume, _ = write_t1(tmp_path / "studies", "volume", 0)
    if damage == "stream":
        stream = bytearray(volume.read_bytes())
        stream[30:60] = b"\xff" * 30
        volume.write_bytes(stream)
    elif damage == "type":
        header = bytearray(gzip.decompress(volume.read_bytes()))
        header[70:72] = struct.pack("<h", 9999)
        volume.write_bytes(gzip.compress(header))
    else:
        volume.unlink()
    assert served_bundles(tmp_path / "app")["iseg_mri_nonlocal_unet_segmentation"].takes(volume)


def test_headers_are_read_once_for_all_bundles(tmp_path, monkeypatch):
    write_app(tmp_path / "app")
    volume, _ = write_t1(tmp_path / "studies", "volume", 0)
    read = []
    load = nibabel.load
    monkeypatch.setattr(nibabel, "load", lambda path: (read.append(path), load(path))[1])
    kind = [bundle.takes(volume) for _ in range(2) for bundle in served_bundles(tmp_path / "app").values()]
    assert any(kind) and not all(kind) and len(read) == 1
    nibabel.save(nibabel.concat_images([load(volume), load(volume)]), volume)  # another image in its place
    assert [bundle.takes(volume) for bundle in served_bundles(tmp_path / "app").values()] != kind[: len(kind) // 2]


def test_dropout_of_the_shipped_ones(tmp_path):
    write_app(tmp_path / "app")
    served = served_bundles(tmp_path / "app")
    assert {name for name, bundle in served.items() if bundle.dropout} == {
        "brain_t1_nonlocal_unet_segmentation",
        "iseg_mri_nonlocal_unet_segmentation",
    }


def own_network(root, network):
    """A bundle whose network is in its folder ``scripts``."""
    unet_bundle(root)
    (root / "scripts").mkdir()
    (root / "scripts" / "__init__.py").touch()
    (root / "scripts" / "net.py").write_text(f"import torch\nNet = torch.nn.{network}\n")
    path = root / "configs" / "inference.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"network_def": {"_target_": "scripts.net.Net"}}))
    return root


def test_dropout_of_networks_of_the_bundles_own(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = {"one": "Dropout", "two": "Identity"}
    served = [ServedBundle(name, own_network(tmp_path / name, network)) for name, network in names.items()]
    for _ in range(2):
        assert [bundle.dropout for bundle in served] == [True, False]
        for bundle in served:
            del bundle.dropout  # which is kept
    for name in ("scripts", "scripts.net"):
        del sys.modules[name]


def test_a_network_that_cannot_be_built_has_no_score_by_dropout(tiny, caplog):
    served = ServedBundle("tiny", tiny.root, {"network_def#channels": "none"})
    assert not served.dropout
    assert "tiny has no score by dropout" in caplog.text


def test_a_device_is_no_code(tiny, tmp_path):
    """What is asked for comes from clients, and strings in configs that begin with "$" are evaluated."""
    written = tmp_path / "written"
    with pytest.raises(ValueError, match="the device .* is unknown: give cpu, cuda or cuda:1"):
        tiny.model(f"cpu') if open('{written}', 'w') else torch.device('cpu")
    assert not written.exists()


def test_a_gpu_that_is_not_there_is_refused(tiny):
    count = torch.cuda.device_count()
    with pytest.raises(ValueError, match=f"the device 'cuda:{count}' is not on this machine, which has {count} GPUs"):
        tiny.model(f"cuda:{count}")


def test_earlier_models_are_freed(tmp_path):
    served = ServedBundle("laednet", find_bundle("ultrasound_laednet_segmentation"))
    picture, _ = write_picture(tmp_path / "studies", "picture", 0)
    model = served.model("cpu")
    served.read(model, picture)
    earlier = weakref.ref(model)
    del model
    served._of = None  # as with other weights
    served.model("cpu")
    gc.collect()
    assert earlier() is None


@pytest.mark.parametrize("name", ["images.csv", "images.JSON", "images.jsonl"])
def test_a_list_is_no_image(tiny, volume, tmp_path, name):
    """A client could have any file or address read by it."""
    (tmp_path / name).write_text(f"image\n{volume}\n" if name.endswith("csv") else f'[{{"image": "{volume}"}}]')
    with pytest.raises(ValueError, match=f"'{name}' is a list, not an image"):
        tiny.read(tiny.model("cpu"), tmp_path / name)


def changed(root, change):
    path = root / "configs" / "metadata.json"
    metadata = json.loads(path.read_text())
    change(metadata)
    path.write_text(json.dumps(metadata))
    return ServedBundle("other", root)


def test_metadata_that_others_leave_out(tmp_path):
    served = changed(unet_bundle(tmp_path / "plain"), lambda metadata: metadata.pop("version", None))
    assert (served.description, served.version, served.dimension) == ("other", "", 3)

    named = changed(
        unet_bundle(tmp_path / "named"), lambda metadata: metadata.update(name="Brain", description="A net")
    )
    assert named.description == "Brain: A net"

    def unnamed(metadata):
        metadata["network_data_format"]["outputs"]["pred"] = {"channel_def": {"image": "image"}}

    assert changed(unet_bundle(tmp_path / "unnamed"), unnamed).labels == {}


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_a_bundle_that_segments_nothing_is_refused(tmp_path, part):
    with pytest.raises(ValueError, match=f"the metadata of b lack '{part}' of .* complete configs/metadata.json"):
        changed(unet_bundle(tmp_path / "b"), lambda metadata: metadata["network_data_format"].pop(part))
