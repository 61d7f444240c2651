"""A plan with a baseline of firmware, drafted from what a rack that runs tells of itself and the floor tells of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firmware_bridge.generations.load import load_generation
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.floor import facts_of, read_checks
from rack_controller.acceptance.live import live_parts
from rack_controller.acceptance.product import Link, ProductOverApi
from rack_controller.prove.accept.baseline import plan_text, versions_of
from rack_controller.prove.accept.evidence import FactValue, FloorRecord


def draft_baseline(link: Link, layout: Mapping[str, Any], day: str, search: Sequence[Path] = ()) -> tuple[str, int]:
    """Return the plan as YAML, and how many versions it names.  `layout`: the rack's, as the product tells it.

    `search`: folders with generations of one's own.

    A version that a part does not tell itself is taken from the floor's records of it, as a run takes it.
    Raises what `link` raises.
    """
    rack, generation = str(layout["rack"]), str(layout["generation"])
    parts = live_parts(load_generation(generation, search))
    product = ProductOverApi(link, rack, rack, part_of=Names(parts).part_of)
    told: dict[str, dict[str, FactValue]] = {p: dict(said) for p, said in product.facts(("firmware",)).items()}
    for place, noted in facts_of(_noted(link, rack), read_checks()).items():
        for name, value in noted.items():
            told.setdefault(place, {}).setdefault(name, value)
    versions = versions_of(told, parts)
    return plan_text(generation, rack, day, versions), len(versions)


def _noted(link: Link, rack: str) -> list[FloorRecord]:
    """Return what the floor handed in of a rack."""
    names = ("kind", "place", "numbers", "tester", "calibrated_until", "on", "texts")
    rows = link.get("/api/v1/acceptance/floor", rack=rack)["records"]
    return [FloorRecord(**{name: row[name] for name in names}) for row in rows]
