"""Processes that a server has started."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

import monai_nlseg.label

MODULE = os.path.join(os.path.dirname(monai_nlseg.label.__file__), "background.py")  # MONAI takes seconds to import
SERVER = """
import os, runpy, subprocess, sys
runpy.run_path(sys.argv[1])["end_with_server"]()
task = subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]], stdout=subprocess.PIPE)
print(task.stdout.readline().decode().strip(), os.nice(0), task.pid, flush=True)
sys.stdin.readline()
"""
TASK = """
import os, runpy, sys, time
runpy.run_path(sys.argv[1])["end_with_server"]()
print(os.nice(0), flush=True)
time.sleep(120)
"""


def _runs(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are looked up in /proc")
def test_a_task_gives_way_to_its_server_and_ends_with_it(monkeypatch):
    monkeypatch.delenv("NLSEG_LABEL_SERVER", raising=False)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, MODULE, TASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        niceness, own, task = map(int, server.stdout.readline().split())
        assert niceness > own
        time.sleep(3)
        assert _runs(task)
        server.kill()
    end = time.monotonic() + 30
    while _runs(task):
        assert time.monotonic() < end
        time.sleep(0.1)
