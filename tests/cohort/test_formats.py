"""A run in a format of volumes other than the default: written, skipped, verified and made again."""

from __future__ import annotations

import nibabel
import numpy as np

from monai_nlseg.cohort import Runner, RunOptions, find_cases, run
from monai_nlseg.evaluation.names import find_label_maps
from monai_nlseg.io.volumes import read_volume
from tests.cohort.bundles import save_volume


def test_a_run_in_nrrd_is_skipped_verified_and_mended(made, tmp_path):
    image = save_volume(tmp_path / "in" / "p.nii.gz", (18, 20, 14), seed=1)
    output = tmp_path / "out"
    options = RunOptions(bundle=str(made("unet")), output=str(output), format="nrrd", extras=("uncertainty",))

    def again(**arguments) -> list[dict]:
        return list(run(find_cases(tmp_path / "in"), options, Runner(workers=1), **arguments))

    [record] = again()
    label_map = output / "p_seg.nrrd"
    assert record["status"] == "done" and record["outputs"]["labels"]["path"] == label_map.name
    assert record["outputs"]["uncertainty"]["path"] == "p_uncertainty.nii.gz"
    found = read_volume(label_map)
    voxels = np.bincount(found.values.ravel())
    assert {label: counted["voxels"] for label, counted in record["labels"].items()} == {
        str(label): voxels[label] for label in range(1, len(voxels))
    }
    np.testing.assert_allclose(found.affine, nibabel.load(image).affine, atol=1e-5)
    assert find_label_maps(output) == {"p": label_map}

    assert again() == [] and again(verify=True) == []
    content = label_map.read_bytes()
    label_map.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert [record["status"] for record in again(verify=True)] == ["done"]
    assert label_map.read_bytes() == content and (output / "report.html").stat().st_size
