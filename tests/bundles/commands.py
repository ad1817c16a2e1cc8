"""The names of the shipped bundles, and their configs run as a user would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from fire.parser import DefaultParseValue

from monai_nlseg.bundle import find_bundle, run_bundle
from tests.forked import Forked

ISEG = "iseg_mri_nonlocal_unet_segmentation"
T1 = "brain_t1_nonlocal_unet_segmentation"
LAEDNET = "ultrasound_laednet_segmentation"
RETINA = "retinal_vessel_dnlnet_segmentation"
INTRACRANIAL = "intracranial_vessel_dnlnet_segmentation"
EFFICIENTUNET = "nerve_ultrasound_efficientunet_segmentation"
REGION_AWARE = "nerve_ultrasound_region_aware_segmentation"
PICTURES = (LAEDNET, RETINA, EFFICIENTUNET, REGION_AWARE)
"""Bundles that segment pictures."""
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def monai_bundle(name: str, configs: list[str], *options: object, processes: int = 1) -> str:
    """Run configs of a bundle in a process of its own, or in several that train together; return what is printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = ["run", "--config_file", _config_file(name, configs), *options]
    with _places(processes) if processes > 1 else nullcontext([{}]) as places:
        started = [Forked("monai.bundle", command, environment | place) for place in places]
        try:
            printed = ["".join(process.communicate(timeout=600)) for process in started]
        finally:
            for process in started:
                process.kill()
    assert not any(process.returncode for process in started), "\n".join(text[-3000:] for text in printed)
    return "\n".join(printed)


def torchrun(name: str, configs: list[str], *options: object) -> None:
    """Run configs of a bundle in two processes of PyTorch's launcher."""
    command = [*TORCHRUN, "-m", "monai.bundle", "run", "--config_file", _config_file(name, configs), *map(str, options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    # PyTorch's gloo may abort a process that has done all and left its group, while Python shuts down (its pull request
    # 179291): a DistributedDataParallel keeps the group's threads.
    done = (result.stdout + result.stderr).count("Engine run finished") >= 2
    aborted = done and "terminate called without an active exception" in result.stderr
    assert result.returncode == 0 or aborted, result.stdout[-3000:] + result.stderr[-3000:]


def _config_file(name: str, configs: list[str]) -> str:
    folder = find_bundle(name) / "configs"
    files = [str(folder / f"{config}.json") for config in configs]
    return files[0] if len(files) == 1 else str(files)


@contextmanager
def _places(processes: int) -> Iterator[list[dict[str, str]]]:
    """Give the environment variables by which torchrun gives processes of one machine their places."""
    # Bound as long as they run, but without listening: the first of them may listen there, and no other gets the port.
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(kept.getsockname()[1])}
        sizes = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
        yield [meeting | sizes | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]


def run_here(name: str, configs: list[str], *options: object) -> None:
    """Run configs of a bundle in this process, as `nlseg run` does, without the ten seconds that a process takes."""
    names = (str(name).removeprefix("--") for name in options[::2])
    run_bundle(name, configs, dict(zip(names, (DefaultParseValue(str(value)) for value in options[1::2]))), logs=False)
