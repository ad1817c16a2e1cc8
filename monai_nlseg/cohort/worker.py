"""The work on one case, from its files to its outputs and its record."""

from __future__ import annotations

import errno
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import torch

from monai_nlseg.cohort.bundle_identity import BundleIdentity, software_versions
from monai_nlseg.cohort.cases import Case
from monai_nlseg.cohort.digests import digest_files
from monai_nlseg.cohort.memory import PeakMemory
from monai_nlseg.cohort.model import Item, Model
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.pending import input_state
from monai_nlseg.cohort.plan import WorkerPlan, plan_worker, require_memory
from monai_nlseg.cohort.prediction import Prediction, stack_frames
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.result import write_result
from monai_nlseg.cohort.staging import stage
from monai_nlseg.errors import root_cause, sentence

__all__ = ["OutputRefused", "Worker", "refused"]

# Of the output folder, and so of all cases: no space, no quota, read-only, no right.
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)

ACCELERATOR_LOST = 70
"""Exit code of a process in which, after an error of the accelerator, nothing more works; another one is to try."""


class OutputRefused(RuntimeError):
    """The output folder takes no more; the message says what to do."""


class Unlike(ValueError):
    """A case is unlike what the bundle was made for, and the run is strict."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__(f"unlike what the bundle was made for: {'; '.join(sentences)}.")
        self.sentences = list(sentences)


class Worker:
    """A loaded bundle that processes cases.

    :meth:`process` may be called by several threads: one case is in the network at a time, while the next is read and
    the last is written.

    Args:
        options: of the run.
        identity: of the bundle.

    Raises:
        ValueError: if the bundle cannot be loaded.
    """

    def __init__(self, options: RunOptions, identity: BundleIdentity) -> None:
        self.options = options
        self.identity = identity
        self.model = Model(options.bundle, options.overrides)
        self._software = software_versions()
        self._memory = PeakMemory()
        self._planned_voxels = 0
        # One thread, for PyTorch keeps a pool of threads for each that computes.
        self._network = ThreadPoolExecutor(1)

    def plan(self, case: Case, batch: int | None) -> WorkerPlan:
        """The batch of windows and the memory that cases like this one need; from now on that batch is used.

        Args:
            case: a case such as the others, not smaller.
            batch: windows at a time, if that is decided already.

        Raises:
            ValueError: if the case cannot be read, or memory does not suffice.
        """
        with tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
            item = self.model.read(stage(case, Path(folder)).images[0])
        self._planned_voxels = item.data["image"].numel()
        return self._network.submit(plan_worker, self.model, item, batch).result()

    def settle(self, threads: int, batch: int | None) -> None:
        """Set PyTorch's threads, and the windows at a time if that is not left to the bundle."""
        torch.set_num_threads(threads)
        self._network.submit(torch.set_num_threads, threads).result()  # each thread has its own number
        if batch is not None:
            self.model.set_batch(batch)

    def process(self, case: Case) -> Record:
        """Infer a case and write its outputs.

        Returns:
            Its record. No fault of a case is raised.

        Raises:
            OutputRefused: if the output folder cannot be written, which is no fault of a case.
        """
        record = Record(case=case.name, status="failed", started=_now())
        seconds = dict.fromkeys(("read", "infer", "write"), 0.0)
        scratch = ""
        self._memory.begin(case.name)
        try:
            with tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
                scratch = folder
                self._infer(case, record, seconds, Path(folder))
            record["status"] = "done"
        except OutputRefused:
            raise
        except Unlike as error:
            record["error"], record["unlike"] = str(error), error.sentences
        except Exception as error:  # whatever is wrong with a case stays with it
            if isinstance(root_cause(error), torch.AcceleratorError):
                os._exit(ACCELERATOR_LOST)
            # Staged files lie in folders there, under their own names.
            record["error"] = re.sub(rf"{re.escape(scratch or 'nlseg-')}/([\w-]+/)?", "", sentence(error))
        finally:
            record["peak_memory"] = self._memory.end(case.name)
        record["seconds"] = {step: round(taken, 4) for step, taken in seconds.items()}
        record["bundle"] = self.identity.as_json()
        record["software"] = self._software
        return record

    def _infer(self, case: Case, record: Record, seconds: dict[str, float], folder: Path) -> None:
        with _timed(seconds, "read"):
            record["input"] = input_state(case)
            staged = stage(case, folder)
            record["input"]["sha256"] = digest_files(staged.sources)
        record["windows"] = 0
        predictions = [self._predict(images, record, seconds) for images in staged.images]
        with _timed(seconds, "write"):
            prediction = stack_frames(predictions)
            self._require_like(prediction.unlike)
            try:
                record.update(write_result(case, prediction, staged, self.options, self.identity))
                if prediction.unlike:
                    record["unlike"] = list(prediction.unlike)
            except OSError as error:
                if error.errno in REFUSED:
                    raise OutputRefused(refused(error)) from None
                raise

    def _predict(self, images: Sequence[Path], record: Record, seconds: dict[str, float]) -> Prediction:
        """What becomes of one image; its scores are gone before anything is written."""
        with _timed(seconds, "read"):
            item = self.model.read(images)
        self._require_like(item.unlike)
        if item.data["image"].numel() > self._planned_voxels:
            self._network.submit(require_memory, self.model, item).result()
            self._planned_voxels = item.data["image"].numel()
        item = self._network.submit(self._timed_infer, item, seconds).result()
        record["windows"] += item.windows
        with _timed(seconds, "write"):
            return self.model.finish(item, bool(self.options.extras))

    def _require_like(self, sentences: Sequence[str]) -> None:
        if self.options.strict and sentences:
            raise Unlike(sentences)

    def _timed_infer(self, item: Item, seconds: dict[str, float]) -> Item:
        with _timed(seconds, "infer"):
            return self.model.infer(item)


def refused(error: OSError) -> str:
    """What to do about an output folder that takes no more."""
    where = f"'{error.filename}'" if error.filename else "the output folder"
    return (
        f"{where} cannot be written ({error.strerror}): make room or give another output folder, and run the same "
        "command again; what is done stays."
    )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] += time.perf_counter() - start
