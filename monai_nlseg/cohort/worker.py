"""The work on one case, from its files to its outputs and its record."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import torch

from monai_nlseg.bundle.identity import BundleIdentity, software_versions
from monai_nlseg.bundle.runtime.item import Item
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.bundle.runtime.prediction import Prediction, stack_frames
from monai_nlseg.cohort.cases.case import Case
from monai_nlseg.cohort.options import RunOptions
from monai_nlseg.cohort.pending import input_state
from monai_nlseg.cohort.plan import WorkerPlan, plan_worker, require_memory
from monai_nlseg.cohort.records import Record
from monai_nlseg.cohort.result import write_result
from monai_nlseg.errors import root_cause, sentence
from monai_nlseg.io.digests import digest_files
from monai_nlseg.io.staging import stage
from monai_nlseg.jobs.memory import PeakMemory
from monai_nlseg.jobs.refusal import OUTPUT_ERRORS, RunRefused, refused
from monai_nlseg.jobs.work import reading
from monai_nlseg.quiet import remarks_withheld

ACCELERATOR_LOST = 70
"""Exit code of a process that cannot go on after an error of the accelerator, so that another one tries again."""


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
        options: options of the run.
        identity: identity of the bundle.

    Raises:
        ValueError: if the bundle cannot be loaded.
    """

    def __init__(self, options: RunOptions, identity: BundleIdentity) -> None:
        self.options = options
        self.identity = identity
        self.model = Model(options.bundle, options.overrides)
        self._software = software_versions()
        self._memory = PeakMemory()
        self._settling = threading.Lock()
        self._threads: int | None = None
        self._batch: int | None = None
        self._batches: dict[tuple[int, ...], int | None] = {}
        self._checked_voxels = 0
        # One thread, because PyTorch keeps a pool of threads for each thread that computes.
        self._network = ThreadPoolExecutor(1)

    def plan(self, case: Case) -> WorkerPlan:
        """Return the batch of windows and the memory that cases like this one need.

        Args:
            case: a case like the others, and no smaller.

        Raises:
            ValueError: if the case cannot be read, or there is too little memory.
        """
        with reading(), tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
            item = self.model.read(stage(case.images, Path(folder)).images[0])
        plan = self._network.submit(plan_worker, self.model, item, self.options.batch).result()
        self._checked_voxels = item.data["image"].numel()
        return plan

    def process(self, case: Case, threads: int | None = None, batch: int | None = None) -> Record:
        """Infer a case and write its outputs.

        Args:
            case: the case.
            threads: number of PyTorch's threads; None for PyTorch's default.
            batch: number of windows in one pass; None to plan it by the shape of each image.

        Returns:
            The record, which also holds a fault of the case: that is not raised.

        Raises:
            RunRefused: if the output folder cannot be written, which is not the fault of a case.
        """
        self._settle(threads, batch)
        record = Record(case=case.name, status="failed", started=_now())
        seconds = dict.fromkeys(("read", "infer", "write"), 0.0)
        scratch = ""
        self._memory.begin(case.name)
        try:
            with tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
                scratch = folder
                self._infer(case, record, seconds, Path(folder))
            record["status"] = "done"
        except RunRefused:
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

    def _settle(self, threads: int | None, batch: int | None) -> None:
        """Set the numbers of PyTorch's threads and of windows in one pass, if they have changed."""
        with self._settling:
            if (threads, batch) != (self._threads, self._batch):
                self._threads, self._batch = threads, batch
                _set_threads(threads)
                self._network.submit(self._set, threads, batch).result()

    def _infer(self, case: Case, record: Record, seconds: dict[str, float], folder: Path) -> None:
        with reading(), _timed(seconds, "read"):
            record["input"] = input_state(case)
            with remarks_withheld() as remarks:
                staged = stage(case.images, folder)
            if remarks:
                record["remarks"] = [
                    f"{library} has {count} remark{'s' * (count > 1)} on the header of '{staged.sources[0].name}'."
                    for library, count in sorted(remarks.items())
                ]
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
                if error.errno in OUTPUT_ERRORS:
                    raise RunRefused(refused(error)) from None
                raise

    def _predict(self, images: Sequence[Path], record: Record, seconds: dict[str, float]) -> Prediction:
        """Return the prediction for one image; its scores are freed before anything is written."""
        with reading(), _timed(seconds, "read"):
            item = self.model.read(images)
        self._require_like(item.unlike)
        item = self._network.submit(self._timed_infer, item, seconds).result()
        record["windows"] += item.windows
        with _timed(seconds, "write"):
            return self.model.finish(item, bool(self.options.extras))

    def _require_like(self, sentences: Sequence[str]) -> None:
        if self.options.strict and sentences:
            raise Unlike(sentences)

    def _timed_infer(self, item: Item, seconds: dict[str, float]) -> Item:
        self._fit(item)
        with _timed(seconds, "infer"):
            return self.model.infer(item)

    def _fit(self, item: Item) -> None:
        """Refuse an image that needs too much memory, and set the number of windows in one pass if it is not given.

        With a given number, this takes time only for an image larger than those before. Otherwise the number follows
        from the shape alone, so that results do not depend on what a worker has done before.
        """
        image = item.data["image"]
        if self._batch is not None:
            if image.numel() > self._checked_voxels:
                require_memory(self.model, item)
                self._checked_voxels = image.numel()
            return
        shape = tuple(image.shape)
        if shape not in self._batches:
            self._batches[shape] = plan_worker(self.model, item, None).batch
        if (batch := self._batches[shape]) is not None:
            self.model.set_batch(batch)

    def _set(self, threads: int | None, batch: int | None) -> None:
        _set_threads(threads)
        if batch is not None:
            self.model.set_batch(batch)
        self._batches.clear()


def is_starved(error: BaseException) -> bool:
    """Return whether an error comes from memory or the accelerator, so that another start may avoid it."""
    return isinstance(root_cause(error), (MemoryError, torch.OutOfMemoryError, torch.AcceleratorError))


def _set_threads(threads: int | None) -> None:
    """Set PyTorch's number of threads, which each thread of Python has for itself."""
    if threads is not None:
        torch.set_num_threads(threads)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] += time.perf_counter() - start
