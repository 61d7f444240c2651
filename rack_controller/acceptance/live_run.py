"""An acceptance of one real rack by its readings over the API, kept in a state directory like a virtual one."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from rack_controller.acceptance.live import Hands, LiveRig, Read
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.record import RunRecord, StepRecord
from rack_controller.acceptance.run import FOLDER, SCHEMA_VERSION, RunFolder, go_on, new_id
from rack_controller.prove.accept.evidence import FactValue
from rack_controller.prove.accept.parts import parts_of
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

Get = Callable[..., Any]
"""Takes a path and query parameters, returns the decoded answer."""
MOST_READINGS, MOST_PARTS = 20_000, 10_000


@dataclass(frozen=True, slots=True)
class ProductOverApi:
    """The running product as an acceptance sees it: readings, what was found, what was built."""

    get: Get
    rack: str
    place: str

    def readings(self) -> list[Read]:
        """Return every reading of the rack."""
        rows = self.get(f"/api/v1/racks/{quote(self.rack)}/readings", limit=MOST_READINGS)
        return [Read(self._below(r["place"]), r["quantity"], r["value"], r["unit"]) for r in rows]

    def facts(self) -> Mapping[str, Mapping[str, FactValue]]:
        """Return part and serial numbers of what its endpoints tell."""
        return self._sides(self.get(f"/api/v1/passports/{quote(self.place)}/found"))

    def built(self) -> Mapping[str, Mapping[str, FactValue]]:
        """Return part and serial numbers of its as-built records."""
        if self.place not in {r["rack"] for r in self.get("/api/v1/passports")}:
            return {}
        return self._sides(self.get(f"/api/v1/passports/{quote(self.place)}", limit=MOST_PARTS)["parts"])

    def _sides(self, rows: list[dict[str, Any]]) -> dict[str, dict[str, FactValue]]:
        return {self._below(r["place"]): {"serial": r.get("serial"), "part": r.get("part")} for r in rows}

    def _below(self, place: str) -> str:
        return place.removeprefix(self.place + "/")


def accept_live(
    get: Get, rack: str, state: Path, software: str, plan: Path | None, hands: Hands, told: Callable[[StepRecord], None]
) -> tuple[RunRecord, RunFolder]:
    """Take a real rack through a plan.  Raises what `get` raises, ConfigurationError and EnvironmentUnfit."""
    layout = get(f"/api/v1/racks/{quote(rack)}/layout")
    generation = load_generation(layout["generation"])
    chosen, digest = read_plan(plan or plan_path(generation.name))
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        id=new_id(layout["rack"]),
        rack=layout["rack"],
        generation=generation.name,
        plan=chosen.name,
        plan_sha256=digest,
        level="L11",
        rig="live",
        seeds={},
        software=software,
        began_unix_ns=time.time_ns(),
    )
    folder = RunFolder(state / FOLDER / record.id)
    folder.write(record)
    rig = LiveRig(
        layout["rack"], parts_of(generation, design_of(generation)), ProductOverApi(get, rack, layout["rack"]), hands
    )
    record = go_on(record, folder, chosen, rig, rig.parts, told)
    (evidence,) = rig.collect(())
    facts = {place: dict(said) for place, said in evidence.facts.items()}
    folder.finish(record, facts, SigningKeys(state / KEYS).signer())
    return record, folder
