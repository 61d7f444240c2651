"""Which fault is planted in a virtual rack of a design: by its id, at the design's own places."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.generation import Generation
from rack_controller.acceptance.virtual.elsewhere import transplanted
from rack_controller.acceptance.virtual.recipe import Planted, read_planted, read_recipe
from rack_controller.prove.accept.parts import Parts, parts_of


def virtual_parts(design: Generation) -> Parts:
    """Return the parts of a virtual rack, its fans too."""
    return parts_of(design, design_of(design), read_recipe().fans_per_tray)


def planted_in(name: str, file: Path | None, design: Generation, search: Sequence[Path] = ()) -> Planted | None:
    """Return a fault to plant by its id, where racks of a design have it, None for none.

    `file`: of faults instead of those that ship; `search`: folders with generations of one's own.
    Raises ConfigurationError for one that nobody knows or that such racks cannot have, FileInvalid for a wrong file.
    """
    if not name:
        return None
    found = read_planted(file)
    known = {f.id: f for f in found.faults}
    if name not in known:
        raise ConfigurationError(f"no fault {name!r} can be planted", advice=f"known are {', '.join(known)}")
    fault = known[name]
    own = load_generation(fault.of or found.generation, search)
    there = transplanted(fault, virtual_parts(own), virtual_parts(design), design.name)
    if there is None:
        what = f"{name} cannot be planted in a {design.name}: it has none of its parts, or too few of them"
        raise ConfigurationError(what, advice="plant another fault, or name a file of the design's own: --faults")
    return there
