"""The stand-in library loaded into this process, and a data file of each test's own."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.nvml import SONAME, FakeGpus, build_library


@pytest.fixture(scope="session")
def nvml_folder() -> Path:
    return build_library()


@pytest.fixture
def fake(nvml_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGpus]:
    """A library with its SONAME is what `CDLL("libnvidia-ml.so.1")` finds from now on in this process."""
    gpus = FakeGpus(tmp_path / "nvml.txt")
    monkeypatch.setenv("FAKE_NVML_DATA", str(gpus.path))
    ctypes.CDLL(str(nvml_folder / SONAME))
    yield gpus
    gpus.facts = {key: value for key, value in gpus.facts.items() if key[1] != "hang"}
    gpus.write()
