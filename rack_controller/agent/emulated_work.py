"""Emulated GPUs that multiply: asked over the emulator's control socket, importing nothing of it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmware_bridge.ports.work import WorkingGpu
from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.wire.known_product import Words
from rack_controller.agent.emulator_channel import ask_emulator

MOST_SIZE = 256


@dataclass
class EmulatedMultipliers:
    """The GPUs of every host that an emulator runs, by the tray's whole place."""

    state: Path

    def gpus(self) -> Sequence[WorkingGpu]:
        """Return every GPU.  Raises EnvironmentUnfit where no emulator runs."""
        hosts = self._ask("gpu_hosts")["hosts"]
        return [
            WorkingGpu(int(gpu["index"]), str(host["place"]).rpartition("/")[0], str(gpu.get("name", "")))
            for host in hosts
            for gpu in host["report"].get("gpus", [])
        ]

    def multiply(self, gpu: WorkingGpu, seed: int, size: int, times: int) -> tuple[Words, float]:
        """Multiply on one GPU, of at most 256 × 256.  Raises DeviceError where its host does not run."""
        side = min(size, MOST_SIZE)
        said = self._ask("multiply", place=gpu.tray, gpu=gpu.number, seed=seed, size=side, times=times)
        words = np.frombuffer(base64.b64decode(said["words"]), dtype="<u4").astype(np.uint32)
        return words.reshape(side, side), float(said["seconds"])

    def close(self) -> None:
        """Nothing is held."""

    def _ask(self, verb: str, **arguments: Any) -> Any:
        reply = ask_emulator(self.state, "start one there", verb, arguments)
        if not reply.get("ok"):
            raise DeviceError(str(arguments.get("place", "the emulator")), verb, str(reply.get("error", "")))
        return reply
