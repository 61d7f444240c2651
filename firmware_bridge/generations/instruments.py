"""What instruments of a test floor make of the truth, and nominal figures of what they look at, out of a file."""

from pathlib import Path
from typing import Annotated

import msgspec

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import Located, convert, parse


class Instrument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an instrument makes of the truth: spreads of gain and offset, noise of a reading, update period in s."""

    unit: str
    period_s: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    gain: float = 0.0
    offset: float = 0.0
    noise: float = 0.0
    noise_share: float = 0.0


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a floor notes of a healthy rack: at which kinds of part, mean and spread of each number.

    `facts`: it says what a part is.
    """

    at: list[str]
    numbers: dict[str, tuple[int | float, float]] = {}
    facts: bool = False

    def told(self) -> dict[str, int | float]:
        """Return the means: what all healthy parts are alike in."""
        return {name: mean for name, (mean, _) in self.numbers.items()}


class Figures(msgspec.Struct, frozen=True):
    """Of the same file what an emulated rack's floor needs: Gb/s, TFLOP/s, GB/s, instruments by series, papers by
    check, and the firmware that the baseline wants."""

    nic_gbps: float
    link_gbps: float
    work_rate: float
    memory_rate: float
    instruments: dict[str, Instrument]
    papers: dict[str, Paper]
    firmware: dict[str, str]


def read_figures() -> Figures:
    """Return the figures that ship.  Raises ConfigurationError, FileInvalid (file, line, field)."""
    return convert(instruments_document(), "", Figures)


def instruments_document(path: Path | None = None) -> Located:
    """Return the file that ships of how racks of an acceptance are made and measured, or any other YAML file."""
    path = path or seeds_folder() / "acceptance" / "virtual.yaml"
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(
            f"cannot read {path}: {getattr(err, 'strerror', None) or err}", advice="name a file that is there"
        ) from err
