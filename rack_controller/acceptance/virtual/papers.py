"""What virtual racks say of themselves, what their as-built records say, and what the floor noted of them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from firmware_bridge.plant.meters import noted
from firmware_bridge.plant.noise import CUT
from rack_controller.acceptance.virtual.made import Made
from rack_controller.acceptance.virtual.occasions import Mask
from rack_controller.acceptance.virtual.recipe import Change, Planted, Recipe
from rack_controller.prove.accept.evidence import FactValue, FloorRecord

Said = dict[str, dict[str, FactValue]]
IDENTIFIED = (
    *("tray", "switch", "shelf", "battery", "cdu", "gpu", "cpu", "psu", "bbu", "pump", "nic", "drive", "nvswitch"),
)
ON, CALIBRATED = "2026-11-20", "2027-05-31"
_PLACED = {"tray": "slot", "switch": "slot"}


class Papers:
    """Facts, as-built records, baseline and floor records of R racks.  A rack's are made when they are first asked."""

    def __init__(
        self,
        made: Made,
        recipe: Recipe,
        names: Sequence[str],
        seed: int,
        faults: Sequence[Planted | None],
        in_force: Callable[[int, Change], Mask],
    ) -> None:
        """`names`: of the racks; `faults`: planted one a rack, what of them is about facts and records, where they are
        `in_force`."""
        self._in_force = in_force
        self._parts, self._recipe, self._names, self._seed = made.parts, recipe, names, seed
        self._faults, self._made = faults, made
        self._facts: dict[int, Said] = {}
        self._built: dict[int, Said] = {}
        self._records: dict[int, tuple[FloorRecord, ...]] = {}
        self.baseline = _baseline(recipe)

    def facts(self, rack: int, now: float) -> Said:
        """Return what a rack says of itself at `now`, s, by place."""
        if rack not in self._facts:
            said = {place: dict(v) for place, v in self._said(rack).items()}
            for change in self._changes(rack):
                if change.fact and not change.drift_per_h and change.when is None:
                    for place in change.at:
                        said.setdefault(place, {})[change.fact] = _told(said, change)
                elif change.swap == "identity":
                    a, b = change.at
                    for name in ("serial", "part"):
                        said[a][name], said[b][name] = said[b].get(name), said[a].get(name)
                elif change.swap == "cable":
                    a, b = change.at
                    said[a]["neighbour"], said[b]["neighbour"] = said[b]["neighbour"], said[a]["neighbour"]
            self._facts[rack] = said
        return self._drifted(rack, self._facts[rack], now)

    def _drifted(self, rack: int, said: Said, now: float) -> Said:
        """Return facts as they are at `now`: numbers that drift (a clock's offset), what is told since something."""
        found = dict(said)
        for change in self._changes(rack):
            if change.fact and change.when is not None:
                for place in np.array(change.at)[self._in_force(rack, change)].tolist():
                    found[place] = {**found.get(place, {}), change.fact: _told(said, change)}
            for place in change.at if change.fact and change.drift_per_h and change.when is None else ():
                own, value = found.get(place, {}), found.get(place, {}).get(change.fact)
                if isinstance(value, int | float):
                    found[place] = {**own, change.fact: round(value + change.drift_per_h * now / 3600.0, 3)}
        return found

    def built(self, rack: int) -> Mapping[str, Mapping[str, FactValue]]:
        """Return a rack's as-built records: place, part and serial number."""
        if rack not in self._built:
            self._built[rack] = self._said(rack, bare=True)
        return self._built[rack]

    def records(self, rack: int) -> tuple[FloorRecord, ...]:
        """Return what the floor noted of a rack."""
        if rack not in self._records:
            self._records[rack] = self._noted(rack)
        return self._records[rack]

    def domain(self, rack: int) -> tuple[str, ...]:
        """Return the racks under test that share a rack's NVLink domain, itself among them."""
        first = rack - rack % self._parts.racks
        return tuple(self._names[first : first + self._parts.racks])

    def _noted(self, rack: int) -> tuple[FloorRecord, ...]:
        dice = np.random.default_rng((self._seed, 5, rack))
        found: list[FloorRecord] = []
        wrong = dict(zip(self._parts.of("gpu"), self._made["gpu.errors_per_h"][rack], strict=True))
        for kind, paper in self._recipe.papers.items():
            for place in () if paper.facts else (p for at in paper.at for p in self._parts.of(at)):
                drawn = {n: _drawn(mean, width, dice) for n, (mean, width) in paper.numbers.items()}
                if "wrong_words" in drawn:
                    drawn["wrong_words"] += float(wrong[place])
                found.append(FloorRecord(kind, place, noted(drawn), f"{kind}-tester-04", CALIBRATED, ON))
        return tuple(self._with_faults(rack, found))

    def _with_faults(self, rack: int, records: list[FloorRecord]) -> list[FloorRecord]:
        for change in self._changes(rack):
            if not change.record:
                continue
            for n, r in enumerate(records):
                if r.kind != change.record or r.place not in change.at:
                    continue
                if change.field == "calibrated_until":
                    records[n] = FloorRecord(r.kind, r.place, r.numbers, r.tester, str(change.to), r.on)
                else:
                    value = r.numbers[change.field] * change.times + change.plus
                    numbers = {**r.numbers, change.field: value}
                    records[n] = FloorRecord(r.kind, r.place, numbers, r.tester, r.calibrated_until, r.on)
        return records

    def _changes(self, rack: int) -> tuple[Change, ...]:
        fault = self._faults[rack] if rack < len(self._faults) else None
        return tuple(fault.changes) if fault else ()

    def _said(self, rack: int, *, bare: bool = False) -> Said:
        parts, recipe = self._parts, self._recipe
        dice = np.random.default_rng((self._seed, 6, rack))
        said: Said = {}
        for kind in IDENTIFIED:
            for n, place in enumerate(parts.of(kind)):
                serial = f"{kind[:3].upper()}{self._seed % 1000:03d}{rack:03d}{n:04d}"
                said[place] = {"serial": serial, "part": f"{kind.upper()}-{_PART.get(kind, 1):03d}"}
        if bare:
            return said
        for kind, name in _PLACED.items():
            for place in parts.of(kind):
                said[place][name] = place
        for paper in (p for p in recipe.papers.values() if p.facts):
            for place in (p for at in paper.at for p in parts.of(at) if p in said):
                said[place] |= paper.told()
        for kind in ("gpu", "nic", "psu"):
            for place in parts.of(kind):
                said[place] |= {"firmware": recipe.firmware.get(kind)}
        for place in parts.of("endpoint"):
            self._endpoint(place, said, dice)
        for place in parts.of("port"):
            peer = parts.peer(place)
            if peer:
                said[place] = {"neighbour": peer}
        if len(self.domain(rack)) > 1:
            other = parts.next_rack(self.domain(rack), self._names[rack])
            for kind in recipe.trunks:
                said |= {place: {"neighbour": f"{other}/{place}"} for place in parts.of(kind)}
        return said

    def _endpoint(self, place: str, said: Said, dice: np.random.Generator) -> None:
        tray, _, name = place.partition("/")
        kind = self._parts.kind_of(tray)
        said[place] = {
            "clock_offset_s": round(float(dice.normal(0.0, 0.3)), 3),
            "password": "own",
            "firmware": self._recipe.firmware.get(f"{kind}/{name}"),
        }
        if kind == "tray" and name == "bmc":
            said[place] |= {"power_restore": "AlwaysOff", "leak_policy": True, "ipmi": False}


def _drawn(mean: float, width: float, dice: np.random.Generator) -> float:
    """Return a number that a floor notes; dice are asked only for what differs from place to place."""
    return float(mean + width * np.clip(dice.standard_normal(), -CUT, CUT)) if width else float(mean)


_PART = {"gpu": 2, "psu": 7}


def _baseline(recipe: Recipe) -> Said:
    """Return what firmware the baseline wants, by kind of part or by tray and endpoint."""
    wanted: Said = {name: {"firmware": version} for name, version in recipe.firmware.items()}
    return wanted


def _told(said: Said, change: Change) -> FactValue:
    """Return what a fact becomes; `@place` copies the same fact of that place."""
    if isinstance(change.to, str) and change.to.startswith("@"):
        return said[change.to[1:]].get(change.fact)
    return change.to
