"""A DICOMweb server of a hospital, as small as it gets: Orthanc with its DICOMweb plugin, from Debian's packages."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.label.server import START_SECONDS, free_port

PROGRAM = shutil.which("Orthanc")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def installed() -> bool:
    """Whether there is something to start."""
    return PROGRAM is not None and PLUGIN.is_file()


class Orthanc:
    """A server on this machine.

    Args:
        url: of its own interface; DICOMweb is below.
    """

    def __init__(self, url: str) -> None:
        self.url, self.dicomweb = url, f"{url}/dicom-web"
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy to 127.0.0.1
        self.client = DICOMwebClient(self.dicomweb, session=self.session)

    def store(self, files: Sequence[Path]) -> None:
        """Send DICOM files."""
        self.client.store_instances([dcmread(file) for file in files])

    def segmentations(self) -> list[Dataset]:
        """All that are there, fetched by DICOMweb."""
        series = map(Dataset.from_json, self.client.search_for_series(search_filters={"Modality": "SEG"}))
        return [
            made
            for item in series
            for made in self.client.retrieve_series(item.StudyInstanceUID, item.SeriesInstanceUID)
        ]

    def forget_segmentations(self) -> None:
        """Remove them."""
        query = {"Level": "Series", "Query": {"Modality": "SEG"}}
        for series in self.session.post(f"{self.url}/tools/find", json=query).json():
            self.session.delete(f"{self.url}/series/{series}").raise_for_status()


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Orthanc on a free port with what it stores in a folder, stopped whatever happens."""
    folder.mkdir(parents=True)
    port = free_port()
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration, indent=4))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen([str(PROGRAM), "orthanc.json"], stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            orthanc = Orthanc(f"http://127.0.0.1:{port}")
            end = time.monotonic() + START_SECONDS
            while True:
                assert process.poll() is None and time.monotonic() < end, (folder / "orthanc.log").read_text()
                try:
                    orthanc.session.get(f"{orthanc.url}/system").raise_for_status()
                    break
                except requests.ConnectionError:
                    time.sleep(0.1)
            yield orthanc
        finally:
            process.terminate()
            process.wait(20)
