"""What the end-to-end tests share: other people's programs, real objects, and the command `hilum`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import attrs
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.testing import SentFile

# Without it DCMTK lets Nagle's algorithm wait for delayed acknowledgements: 40 ms an object.
DCMTK_ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
UID_ROOT = "1.2.826.0.1.3680043.10.1553."


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Find a program of DCMTK; a test that needs a missing one skips and names it."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"needs {name} of DCMTK")
        return path

    return find


@attrs.frozen
class StoreScp:
    """DCMTK's storescp, running: what it got stands in ``folder``, the data set as it came."""

    port: int
    folder: Path

    def data_sets(self) -> list[SentFile]:
        return [SentFile.read(path) for path in sorted(self.folder.iterdir())]

    def peer_toml(self, name: str) -> str:
        return f'[peers.{name}]\nae_title = "STORESCP"\nhost = "127.0.0.1"\nport = {self.port}\n'


@pytest.fixture(scope="module")
def storescp(program) -> Iterator[Callable[..., StoreScp]]:
    """Start a storescp that keeps data sets bit by bit (+B), in a file for each instance."""
    running: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, *options: str) -> StoreScp:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        process = subprocess.Popen(
            [program("storescp"), "-q", "+B", *options, "-od", str(folder), str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=DCMTK_ENVIRONMENT,
        )
        running.append(process)
        wait_until(lambda: _echoes(program("echoscu"), port))
        return StoreScp(port, folder)

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def run_dcmtk(program) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program of DCMTK to its end."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program(name), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=DCMTK_ENVIRONMENT,
            timeout=60,
            check=False,
        )

    return run


def _echoes(echoscu: str, port: int) -> bool:
    return subprocess.run([echoscu, "-q", "127.0.0.1", str(port)], check=False).returncode == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session", name="free_port")
def free_port_fixture() -> Callable[[], int]:
    return free_port


def wait_until(condition: Callable[[], object], within_s: float = 30) -> None:
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within_s} s")
        time.sleep(0.02)


@pytest.fixture(scope="session", name="wait_until")
def wait_until_fixture() -> Callable[..., None]:
    return wait_until


@pytest.fixture(scope="session")
def hilum() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command `hilum` to its end."""

    def run(*arguments: str | Path, within_s: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hilum_core.cli", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def make_object() -> Callable[..., SentFile]:
    """Write a small CT object as a file; further elements by keyword."""

    def make(
        folder: Path, number: int, *, sop_class_uid: str = CTImageStorage, **elements: object
    ) -> SentFile:
        dataset = Dataset()
        dataset.SOPClassUID = sop_class_uid
        dataset.SOPInstanceUID = f"{UID_ROOT}{number}"
        dataset.StudyInstanceUID = f"{UID_ROOT}1.1"
        dataset.SeriesInstanceUID = f"{UID_ROOT}1.1.1"
        dataset.Modality = "CT"
        dataset.PatientName = "Doe^Planted"
        dataset.PatientID = "PLANTED-4711"
        dataset.InstanceNumber = number
        dataset.PixelData = number.to_bytes(4, "little") * 512
        dataset["PixelData"].VR = "OW"
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number:05}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        return SentFile.read(path)

    return make


@pytest.fixture
def install(tmp_path, monkeypatch) -> Callable[..., None]:
    """Install a distribution with one plugin, for the router that the test starts."""
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))

    def install(distribution: str, kind: str, component: str, code: str) -> None:
        module = distribution.replace("-", "_")
        about = site / f"{module}-1.5.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        (about / "entry_points.txt").write_text(f"[hilum.{kind}]\n{component} = {module}\n")
        (site / f"{module}.py").write_text(textwrap.dedent(code))

    return install


@attrs.frozen
class Corpus:
    """Every DICOM file of the installed test-data packages, by its name ``package/path``."""

    files: dict[str, SentFile]
    not_sent: dict[str, str]


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    found: dict[str, SentFile] = {}
    not_sent: dict[str, str] = {}
    for package in ("pydicom", "data_store", "deid_data"):
        root = Path(str(files(package)))
        for path in sorted(root.rglob("*")):
            if not path.is_file() or path.suffix in {".py", ".pyc", ".pyi", ".json", ".txt", ".md", ".typed"}:
                continue
            name = f"{package}/{path.relative_to(root)}"
            try:
                found[name] = SentFile.read(path)
            except InvalidDicomError:
                not_sent[name] = "not a DICOM file"
            except AttributeError:
                not_sent[name] = "its File Meta Information names no class, instance or transfer syntax"
    return Corpus(found, not_sent)
