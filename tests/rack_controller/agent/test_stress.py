"""GPUs that multiply matrices with a known product: a wrong bit, a GPU that does not come back, no GPU at all."""

import datetime
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.drivers.cuda import multipliers
from firmware_bridge.ports.work import WorkingGpu
from firmware_bridge.vocabulary.errors import ConfigurationError, DeviceError, EnvironmentUnfit
from firmware_bridge.wire.known_product import Words, matrices, product
from rack_controller.acceptance.floor import read_checks, take_floor
from rack_controller.agent.stress import main, records_of, stress


class Machine:
    """Three GPUs: the first is right, the second has a wrong bit, the third does not come back."""

    def gpus(self) -> list[WorkingGpu]:
        return [WorkingGpu(n, "", f"GPU {n}") for n in range(3)]

    def multiply(self, gpu: WorkingGpu, seed: int, size: int, times: int) -> tuple[Words, float]:
        if gpu.number == 2:
            raise DeviceError("gpu2", "multiply", "fell off the bus")
        found = product(*matrices(seed, size))
        found.flat[7] ^= np.uint32(gpu.number)
        return found, 0.5

    def close(self) -> None:
        pass


def test_who_computes_wrongly_and_who_does_not_come_back_is_told_apart_from_who_is_right(tmp_path: Path) -> None:
    came = stress(Machine(), 0.0, 16, 3, itertools.count().__next__)
    assert [(c.looked > 0, c.wrong > 0, bool(c.failed)) for c in came] == [
        (True, False, False),
        (True, True, False),
        (False, False, True),
    ]
    document = records_of(came, "u11", 16, datetime.date(2026, 11, 30), "0.1")
    taken, complaints = take_floor(tmp_path, "k07", json.dumps(document).encode(), "s.json", "ada", "gb200-nvl72")
    assert (taken.records, [str(c) for c in complaints.shown]) == (3, [])
    assert read_checks().checks["gpu_stress"].at == ["gpu"]


def test_a_machine_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipliers, "LIBRARY", "libcuda-that-nobody-has.so.1")
    with pytest.raises(EnvironmentUnfit, match="no GPU driver"):
        main(["--place", "u11"], "0.1")
    with pytest.raises(ConfigurationError, match="--place"):
        main([], "0.1")
