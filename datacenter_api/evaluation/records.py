"""What passports and milestones know of real racks, laid onto their sheets.  Counted again only when records change."""

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from datacenter_api.passports.decisions import DecisionDesk
from datacenter_api.passports.desk import PassportDesk
from datacenter_api.passports.tables import milestones, plain_row
from firmware_bridge.vocabulary.place import RACK_PARTS
from rack_controller.prove.evaluate.criteria import FROM_RECORDS, CriterionSpec, EvaluationPlan, Way
from rack_controller.prove.evaluate.milestones import Milestone, What, dock_to_job, time_to_repair
from rack_controller.prove.evaluate.sheet import Seen, Sheet, not_measured
from rack_controller.prove.fields import PLACE
from rack_controller.prove.origin import costs
from rack_controller.prove.rules import OriginRule

NO_PRICES = "prices are shown to those who may prove"
NOT_YET = not_measured("its passport is being counted: look again")
Stamp = tuple[tuple[int, int, int], date | None]


class RackRecords:
    """The records of one installation's racks, as criteria see them."""

    def __init__(self, passports: PassportDesk) -> None:
        """`passports`: whose records."""
        self._passports = passports
        self._counted: dict[tuple[str, str], tuple[Stamp, Seen, Seen]] = {}
        self._until = math.inf

    def note(self, made: Milestone) -> Milestone:
        """Keep a milestone."""
        with self._passports.store.begin() as connection:
            connection.execute(sa.insert(milestones).values(msgspec.to_builtins(made)))
        return made

    def milestones(self, racks: Sequence[str] = ()) -> dict[str, list[Milestone]]:
        """Return milestones by rack, of some racks or all, in the order of their moments."""
        query = sa.select(milestones).order_by(milestones.c.unix_ns, milestones.c.id)
        query = query.where(milestones.c.rack.in_(racks)) if racks else query
        found: dict[str, list[Milestone]] = {}
        with self._passports.store.begin() as connection:
            for row in connection.execute(query):
                found.setdefault(row.rack, []).append(msgspec.convert(plain_row(row), Milestone))
        return found

    def added(
        self, sheets: Sequence[Sheet], plan: EvaluationPlan, *, prices: bool, patience_s: float = math.inf
    ) -> list[Sheet]:
        """Return sheets with what is recorded of real racks now; nobody records anything of virtual ones.

        Passports that are not counted within `patience_s` are left for the next look, and said to be.
        """
        criteria = [c for c in plan.criteria if c.way in FROM_RECORDS]
        if not criteria or all(s.rig == "virtual" for s in sheets):
            return list(sheets)
        self._until = time.monotonic() + patience_s
        noted, stamps = self.milestones(), self._passports.store.stamps()
        days = DecisionDesk(self._passports).deliveries()
        return [
            sheet
            if sheet.rig == "virtual"
            else msgspec.structs.replace(
                sheet,
                seen=dict(sheet.seen)
                | {c.id: self._seen(c, sheet.rack, noted, stamps, days, prices=prices) for c in criteria},
            )
            for sheet in sheets
        ]

    def _seen(
        self,
        criterion: CriterionSpec,
        rack: str,
        noted: Mapping[str, list[Milestone]],
        stamps: Mapping[str, tuple[int, int, int]],
        days: Mapping[str, date],
        *,
        prices: bool,
    ) -> Seen:
        if criterion.way is Way.DOCK_TO_JOB:
            return dock_to_job(noted.get(rack, []))
        if criterion.way is Way.REPAIR:
            return time_to_repair(noted.get(rack, []))
        if rack not in stamps:
            return not_measured("no as-built records")
        origin, cost = self._of_passport(rack, criterion.rule, (stamps[rack], days.get(rack)))
        if criterion.way is Way.ORIGIN:
            return origin
        return cost if prices else not_measured(NO_PRICES)

    def _of_passport(self, rack: str, rule: str, stamp: Stamp) -> tuple[Seen, Seen]:
        """Return share of origin and cost of a rack by its records, each with bounds."""
        found = self._counted.get((rack, rule))
        if found is None or found[0] != stamp:
            if time.monotonic() >= self._until:
                return NOT_YET, NOT_YET
            desk, asked = self._passports, self._passports.rule(rule)
            (claim,) = desk.claims(rack, asked.name, stamp[1])
            least, most = _cost_of(desk.records(rack), asked)
            by = hashlib.sha256(f"{asked.name} {stamp[1]}".encode()).hexdigest()[:16]
            origin = not_measured(f"the rule {asked.name} asks for a country")
            if claim.lower_percent is not None:
                low, high = claim.lower_percent, claim.upper_percent
                origin = Seen(low, low=low, high=high, under=by, detail=asked.name)
            cost = Seen(least, low=least, high=most if math.isfinite(most) else None, under=asked.currency)
            found = self._counted[rack, rule] = stamp, origin, cost
        return found[1], found[2]


def _cost_of(records: pa.Table, rule: OriginRule) -> tuple[float, float]:
    """Return the least and the most that a rack's parts have cost together; of the rack itself only what it states."""
    least, most = costs(records, rule)
    part = pc.greater_equal(pc.count_substring(records.column(PLACE), "/"), RACK_PARTS).to_numpy()
    counted = part | (least > 0.0)
    return float(np.sum(least[counted])), float(np.sum(most[counted]))


__all__ = ["Milestone", "RackRecords", "What"]
