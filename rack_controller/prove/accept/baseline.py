"""A baseline of firmware as a plan says it, written from what a rack runs: a draft for whoever wants it.  Pure.

Nobody has wanted it yet: `source` is left empty, and a plan whose `source` is empty is refused.
"""

import json
from collections import Counter
from collections.abc import Mapping

from rack_controller.prove.accept.evidence import FactValue
from rack_controller.prove.accept.parts import Parts


def versions_of(facts: Mapping[str, Mapping[str, FactValue]], parts: Parts) -> dict[str, str]:
    """Return the version that most run, by kind of part, or by kind of tray and name of an entry of its inventories."""
    votes: dict[str, Counter[str]] = {}
    for place, said in facts.items():
        version = said.get("firmware")
        if isinstance(version, str) and version:
            votes.setdefault(called(place, parts), Counter())[version] += 1
    return {name: sorted(count.items(), key=lambda v: (-v[1], v[0]))[0][0] for name, count in sorted(votes.items())}


def called(place: str, parts: Parts) -> str:
    """Return how a baseline calls what runs a firmware."""
    tray = parts.kind_of(place.partition("/")[0])
    return parts.kind_of(place) or f"{tray}/{place.rpartition('/')[2]}"


def plan_text(generation: str, rack: str, day: str, versions: Mapping[str, str]) -> str:
    """Return a plan of one's own: the generation's, with this baseline.  `day`: when the rack ran it."""
    lines = [f"  {json.dumps(name)}: {json.dumps(version)}" for name, version in versions.items()]
    return "\n".join(
        [
            f"# What most parts of {rack} ran on {day}.  Read and correct it, then write into `source` who wants these",
            '# versions ("J. Doe, fleet firmware of November"): a plan whose source is empty is refused.',
            "schema_version: 1",
            f"name: {generation}-own",
            f"title: Acceptance of a {generation} with a baseline",
            f"extends: {generation}",
            "baseline:",
            '  source: ""',
            "  firmware:",
            *(f"  {line}" for line in lines),
            *(
                []
                if "nic" in versions
                else ['    # "nic": what the floor hands in of adapters (nic_firmware) is held against this']
            ),
            "",
        ]
    )
