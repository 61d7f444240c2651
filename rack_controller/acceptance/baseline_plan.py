"""A plan with a baseline of firmware, drafted from what a rack that runs tells of itself."""

from collections.abc import Mapping
from typing import Any

from firmware_bridge.generations.load import load_generation
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.live import live_parts
from rack_controller.acceptance.product import Link, ProductOverApi
from rack_controller.prove.accept.baseline import plan_text, versions_of


def draft_baseline(link: Link, layout: Mapping[str, Any], day: str) -> tuple[str, int]:
    """Return the plan as YAML, and how many versions it names.  `layout`: the rack's, as the product tells it.

    Raises what `link` raises.
    """
    rack, generation = str(layout["rack"]), str(layout["generation"])
    parts = live_parts(load_generation(generation))
    product = ProductOverApi(link, rack, rack, part_of=Names(parts).part_of)
    versions = versions_of(product.facts(("firmware",)), parts)
    return plan_text(generation, rack, day, versions), len(versions)
