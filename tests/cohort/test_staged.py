"""Cases whose files are copied or converted before they are read."""

from __future__ import annotations

import weakref

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from monai_nlseg.bundle import Bundle
from monai_nlseg.cohort import Case, RunOptions
from monai_nlseg.cohort.worker import Worker
from tests.cohort.bundles import save_volume


@pytest.fixture(scope="module")
def worker(made, tmp_path_factory):
    options = RunOptions(bundle=str(made("unet")), output=str(tmp_path_factory.mktemp("out")), previews=False)
    return Worker(options, Bundle(made("unet")).identity({}))


@pytest.fixture
def store():
    yield MemoryFileSystem()
    MemoryFileSystem.store.clear()


def test_the_sentence_names_the_file_and_not_where_it_was_copied_to(worker, store):
    store.pipe("/scans/p1.nii.gz", b"no image" * 100)
    record = worker.process(Case("p1", (("memory://scans/p1.nii.gz",),)))
    assert record["error"].startswith("'p1.nii.gz' is not a readable NIfTI or Analyze volume (Not a gzipped file")


def test_scores_are_let_go_before_the_outputs_are_written(worker, tmp_path, monkeypatch):
    infer, scores = worker.model.infer, []

    def noted(item):
        done = infer(item)
        scores.append(weakref.ref(done.data["pred"]))
        return done

    def write(*arguments):
        worker._network.submit(int).result()  # only then has its thread let go what it was given before
        assert scores[0]() is None
        raise ValueError("nothing is written here.")

    monkeypatch.setattr(worker.model, "infer", noted)
    monkeypatch.setattr("monai_nlseg.cohort.worker.write_result", write)
    path = save_volume(tmp_path / "p.nii.gz", (12, 12, 12))
    assert worker.process(Case("p", ((str(path),),)))["error"] == "nothing is written here."
