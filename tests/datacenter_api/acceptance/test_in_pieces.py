"""What a run kept is handed out, looked at and hashed piece by piece: a long soak's series never are all in memory."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.sealed_runs import sealed_run

from datacenter_api.acceptance.desk import AcceptanceDesk
from datacenter_api.cli.output import Output
from datacenter_api.cli.verified import known_keys, verify_file, verify_zip
from rack_controller.prove.accept.evidence import Evidence, Phase, Series
from rack_controller.prove.run_files import is_evidence
from rack_controller.prove.zipped import zipped

RACK, RUN = "lab1/a/r01/k01", "k01-long"
PLACES = tuple(f"u{u:02d}/gpu{g}" for u in range(11, 29) for g in range(4))
ROWS = 40_000
MIB = 1 << 20


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory with a run whose series take some megabytes, however they are compressed."""
    root = tmp_path_factory.mktemp("state")
    dice, times = np.random.default_rng(1), np.arange(ROWS) * 2.0
    power = Series("gpu.power", "W", PLACES, times, dice.normal(1000.0, 5.0, (ROWS, len(PLACES))))
    raw = Evidence(RACK, {"gpu.power": power}, (Phase("soak", 0.0, 0.0, float(times[-1])),))
    sealed_run(root, RACK, run=RUN, series={"soak": raw})
    return root


def peak_mib(do: Callable[[], object]) -> float:
    """Return how much memory doing something takes at most beside what there was, MiB."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def test_it_is_sealed_looked_at_zipped_and_reported_in_pieces(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, known = AcceptanceDesk(state), known_keys([], state)
    folder = desk.folder(RUN)
    size = (folder.path / "raw-soak-1.npz").stat().st_size / MIB
    assert size > 8
    file = tmp_path / "run.zip"
    assert peak_mib(lambda: desk.verify(RUN)) < size / 2
    assert desk.verify(RUN).holds
    assert peak_mib(lambda: desk.report(RUN, "html")) < size * 0.75
    assert peak_mib(lambda: verify_file(folder.path, known, None, Output.JSON)) < size / 2
    with desk.bundle(RUN) as made:
        file.write_bytes(made.read())
    whole = {path: content for path, content in folder.files().items() if is_evidence(path)}
    assert file.read_bytes() == zipped(RUN, whole), "the same bytes as of files in memory"
    monkeypatch.setattr("rack_controller.prove.zipped.MOST_IN_MEMORY", MIB)  # what is small is spooled in memory
    assert peak_mib(lambda: verify_zip(file, known, Output.JSON)) < size * 0.75
    capsys.readouterr()
    verify_zip(file, known, Output.JSON)
    assert json.loads(capsys.readouterr().out)["holds"]
