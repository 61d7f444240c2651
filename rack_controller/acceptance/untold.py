"""Which measures of a plan nothing at a rack that runs tells: known before a run begins, and nobody waits in vain."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.live import Read, by_series
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.prove.accept.parts import parts_of
from rack_controller.prove.accept.plan import Level
from rack_controller.prove.accept.untold import Untold, untold

FACTS = frozenset({"serial", "part", "firmware", "version", "clock_offset_s", "password", "slot", "isolates"})
"""Facts that the product tells of any rack (`ProductOverApi.facts`, and `isolates` of its leak drill).

Settings of the rack's generation are told too."""


def untold_of(generation: str, level: str, reads: Sequence[Read], plan: Path | None = None) -> list[Untold]:
    """Return what a rack with these readings does not tell, of a generation's plan or a file's.

    A reading whose value is unknown now tells nothing.
    Raises ConfigurationError and FileInvalid for a generation or a plan that nobody can begin with.
    """
    made = load_generation(generation)
    found, _ = read_plan(plan or plan_path(made.name))
    series, _ = by_series([read for read in reads if read.value is not None], parts_of(made, design_of(made)))
    return untold(found, Level(level), series, FACTS | settings_of(made))


def settings_of(generation: Generation) -> frozenset[str]:
    """Return the names of all settings that endpoints of a generation are looked at for."""
    specs = [spec for slot in generation.slots for spec in slot.tray.endpoints]
    return frozenset(setting.name for spec in specs for setting in spec.settings)
