"""What emulated GPUs make of matrices: the known product, or one with a wrong bit."""

import base64
from dataclasses import dataclass, field

import numpy as np
import pytest

from firmware_bridge.emulator.fault_kinds import FaultKind
from firmware_bridge.emulator.gpu_work import multiplied
from firmware_bridge.wire.known_product import matrices, product, wrong_words


@dataclass
class Hosts:
    wrong: set[str] = field(default_factory=set)

    def strikes(self, kind: FaultKind, place: str) -> bool:
        if place.startswith("nowhere"):
            raise ValueError("no host runs there")
        return kind is FaultKind.WRONG_RESULTS and place in self.wrong


def test_a_gpu_that_computes_wrongly_has_a_wrong_bit_and_the_others_have_none() -> None:
    hosts, known = Hosts({"r/u11/gpu2"}), product(*matrices(4, 32))
    for gpu, wrong in ((1, 0), (2, 1)):
        said = multiplied(hosts, "r/u11", gpu, 4, 32, 10)  # type: ignore[arg-type]
        found = np.frombuffer(base64.b64decode(said["words"]), dtype="<u4").reshape(32, 32)
        assert wrong_words(known, found) == wrong
        assert said["seconds"] > 0.0
    with pytest.raises(ValueError, match="no host"):
        multiplied(hosts, "nowhere", 0, 4, 32, 1)  # type: ignore[arg-type]
