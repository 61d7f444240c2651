"""Rules about what a rack says of itself and what people noted: facts, serial numbers, cables, floor records.  Pure."""

import datetime
import math
from collections import Counter

from rack_controller.prove.accept.evidence import Evidence, FactValue, FloorRecord
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import MeasureSpec
from rack_controller.prove.accept.weighed import Weighed, Weight

SURE = 1e-9


def judge_fact(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """One fact of every part: one of `wanted`, within bounds, as built, as the baseline wants, or as its peers'."""
    said = {place: v for place, v in evidence.facts_called(measure.of) if _is(parts, place, measure.only)}
    expected = _expected_places(measure, evidence, parts)
    if measure.by == "built" and not evidence.built:
        return Weighed(gap="there are no as-built records")
    if not expected and all(v is None for v in said.values()):
        return Weighed(gap=f"no part tells its {measure.of}")
    if measure.by == "baseline" and not evidence.baseline:
        return Weighed(gap="no baseline is known to hold it against")
    found = [_wrong(place, value, want, measure) for place, value, want in _held(said, measure, evidence, parts)]
    bad = [w for w in found if w is not None]
    unread = _unread(said, measure, parts)
    missing = [p for p in dict.fromkeys((*expected, *unread)) if said.get(p) is None]
    if measure.by == "baseline":
        free = [p for p, v in said.items() if v is not None and _wanted(p, measure.of, evidence, parts) is None]
        bad += [Weight(p, str(said[p]), None, 1.0, 0.0, f"{said[p]}: the baseline has none", unseen=True) for p in free]
    bad += [Weight(p, None, None, 1.0, 0.0, f"{measure.of} is not told", unseen=True) for p in missing]
    near = bad[0] if bad else None
    return Weighed(len(said) + len(missing), bad, near)


def judge_place(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Every serial number is where the records have it, once, and nothing else is there; both sides are named."""
    name = measure.of
    built = {p: str(v[name]) for p, v in evidence.built.items() if v.get(name)}
    found = {p: str(v[name]) for p, v in evidence.facts.items() if v.get(name)}
    if not built or not found:
        return Weighed(gap="there are no as-built records" if not built else f"no part tells its {name}")
    home = {serial: place for place, serial in built.items()}
    visible = {parts.kind_of(p) for p in found}
    read = {p.partition("/")[0] for p in found}
    twice = {serial for serial, n in Counter(found.values()).items() if n > 1}
    bad: list[Weight] = []
    for place in sorted({*built, *found}):
        want, have = built.get(place), found.get(place)
        if have is not None and have in twice:
            where = ", ".join(p for p, s in found.items() if s == have)
            bad.append(_odd(place, have, want, f"serial {have} was found more than once: {where}"))
        if have == want:
            continue
        if have is None and place.partition("/")[0] not in read and visible:
            bad.append(Weight(place, None, want, 1.0, 0.0, f"nothing was read there, {want} was built in", unseen=True))
        elif have is None and parts.kind_of(place) not in visible:
            continue  # of its kind nobody says a word: silence of one tells nothing
        elif have is None:
            bad.append(_odd(place, None, want, f"missing: {want} was built in here"))
        elif have in home:
            bad.append(_odd(place, have, want, f"moved: {have} belongs in {home[have]}, here {want or 'nothing'} does"))
        else:
            bad.append(_odd(place, have, want, f"unknown: {have} stands where {want or 'nothing'} was built in"))
    return Weighed(len(built), bad, bad[0] if bad else None)


def judge_cabling(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Every port's far end is the one that the design puts there; a swap names both ports."""
    said = dict(evidence.facts_called(measure.of))
    ports = parts.of("port")
    if not said or not ports:
        return Weighed(gap="no port tells its neighbour" if ports else "the rack has no such part")
    bad: list[Weight] = []
    judged = 0
    for port in ports:
        want = parts.peer(port)
        if not want:
            continue
        judged += 1
        have = said.get(port)
        if have is None:
            bad.append(Weight(port, None, want, 1.0, 0.0, f"no neighbour is told, {want} belongs there", unseen=True))
        elif have != want:
            bad.append(Weight(port, str(have), want, 1.0, SURE, f"leads to {have}, the design has it lead to {want}"))
    return Weighed(judged, bad, bad[0] if bad else None)


def judge_trunks(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Every port of the kind `only` leads to the same port of the next rack of its domain.

    A rack is named by its place or, as people write it, by the last part of it.
    """
    if len(evidence.domain) < 2:
        return Weighed(gap="the other racks of its NVLink domain are not under test with it")
    ports, said = parts.of(measure.only), dict(evidence.facts_called(measure.of))
    if not ports:
        return Weighed(gap="the rack has no such part")
    other = parts.next_rack(evidence.domain, evidence.rack)
    bad: list[Weight] = []
    for port in ports:
        have, want = said.get(port), f"{other}/{port}"
        if have is None:
            bad.append(Weight(port, None, want, 1.0, 0.0, f"no neighbour is told, {want} belongs there", unseen=True))
        elif have not in {want, f"{other.rpartition('/')[2]}/{port}"}:
            bad.append(Weight(port, str(have), want, 1.0, SURE, f"leads to {have}, the design has it lead to {want}"))
    return Weighed(len(ports), bad, bad[0] if bad else None)


def judge_records(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> Weighed:
    """Every place of the kind `only` has a record; its `field` is in bounds; its tester was calibrated that day."""
    records = [r for r in evidence.records if r.kind == measure.of]
    places = parts.of(measure.only) if measure.only else ("rack",)
    if not records:
        return Weighed(gap=f"no {measure.of} record was handed in")
    bad: list[Weight] = []
    held: list[Weight] = []
    newest = {r.place: r for r in sorted(records, key=lambda r: r.on)}
    for place in places:
        record = newest.get(place)
        if record is None:
            bad.append(Weight(place, None, None, 1.0, 0.0, f"no {measure.of} record", unseen=True))
            continue
        weight = _record_weighed(record, measure)
        (bad if weight.unseen or weight.excess > 0.0 else held).append(weight)
        if not weight.unseen and not _calibrated(record):
            text = f"{record.tester} was calibrated until {record.calibrated_until}, it was used on {record.on}"
            bad.append(Weight(record.place, record.on, record.calibrated_until, 1.0, SURE, text))
    return Weighed(len(places), bad, bad[0] if bad else max(held, key=lambda w: w.excess, default=None))


def pressure_lost(record: FloorRecord) -> float:
    """Return what a loop lost of its pressure at constant temperature, kPa: p2 × T1 / T2 is compared with p1.

    Pressures absolute in kPa, temperatures in °C; an ideal gas in a closed volume (Gay-Lussac).
    """
    n = record.numbers
    begin, end = n["begin_c"] + 273.15, n["end_c"] + 273.15
    return n["begin_kpa"] - n["end_kpa"] * begin / end


def _record_weighed(record: FloorRecord, measure: MeasureSpec) -> Weight:
    """Return the number of a record against the bound that it is nearest to or farthest beyond."""
    try:
        value = pressure_lost(record) if measure.field == "pressure_lost_kpa" else record.numbers[measure.field]
    except KeyError as err:
        return Weight(record.place, None, None, 1.0, 0.0, f"the {measure.of} record lacks {err}", unseen=True)
    if not math.isfinite(value):
        return Weight(record.place, None, None, 1.0, 0.0, f"the {measure.of} record has no number", unseen=True)
    low = -math.inf if measure.least is None else measure.least
    high = math.inf if measure.most is None else measure.most
    excess, limit = max((value - high, high), (low - value, low))
    if not math.isfinite(limit):
        return Weight(record.place, value, None, -1.0, 0.0, "")
    text = f"{measure.field} {value:.4g} {measure.unit}, {limit:.4g} is the limit, by {record.tester}"
    return Weight(record.place, value, limit, excess, 0.01 * abs(limit), text)


def _calibrated(record: FloorRecord) -> bool:
    try:
        until = datetime.date.fromisoformat(record.calibrated_until)
        return datetime.date.fromisoformat(record.on) <= until
    except ValueError:
        return False


def _held(
    said: dict[str, FactValue], measure: MeasureSpec, evidence: Evidence, parts: Parts
) -> list[tuple[str, FactValue, FactValue]]:
    """Return place, value and what it should be; None where bounds or a set say so."""
    if measure.by == "peers":
        votes: dict[str, Counter[FactValue]] = {}
        for p, v in said.items():
            votes.setdefault(_kind(p, parts), Counter())[v] += 1
        return [(p, v, votes[_kind(p, parts)].most_common(1)[0][0]) for p, v in said.items()]
    if measure.by == "built":
        return [(p, v, evidence.built[p].get(measure.of)) for p, v in said.items() if p in evidence.built]
    if measure.by == "place":
        return [(p, v, p) for p, v in said.items()]
    if measure.by == "baseline":
        return [(p, v, _wanted(p, measure.of, evidence, parts)) for p, v in said.items()]
    return [(p, v, None) for p, v in said.items()]


def _wanted(place: str, fact: str, evidence: Evidence, parts: Parts) -> FactValue:
    kind = parts.kind_of(place)
    tray = parts.kind_of(place.partition("/")[0])
    for name in (place, f"{tray}/{place.rpartition('/')[2]}", kind):
        said = evidence.baseline.get(name, {}).get(fact)
        if said is not None:
            return said
    return None


def _expected_places(measure: MeasureSpec, evidence: Evidence, parts: Parts) -> tuple[str, ...]:
    if measure.only:
        return parts.of(measure.only)
    if measure.by == "built":  # of a kind of part of which nobody tells it, silence of one says nothing
        telling = {parts.kind_of(p) for p, v in evidence.facts_called(measure.of) if v is not None}
        recorded = (p for p, v in evidence.built.items() if v.get(measure.of) is not None)
        return tuple(p for p in recorded if parts.kind_of(p) in telling)
    if measure.by == "baseline":
        ends = parts.of("endpoint")
        return tuple(p for p in ends if _wanted(p, measure.of, evidence, parts) is not None)
    return ()


def _unread(said: dict[str, FactValue], measure: MeasureSpec, parts: Parts) -> list[str]:
    """Return the places that say nothing although the same place of most trays of their kind says something."""
    if measure.by == "built":
        return []  # who has a record is expected by that
    told: Counter[tuple[str, str]] = Counter()
    for place, value in said.items():
        tray, _, leaf = place.partition("/")
        if value is not None and parts.kind_of(tray):
            told[parts.kind_of(tray), leaf] += 1
    return [
        f"{tray}/{leaf}" if leaf else tray
        for (kind, leaf), count in told.items()
        if 2 * count > len(parts.of(kind))
        for tray in parts.of(kind)
    ]


def _kind(place: str, parts: Parts) -> str:
    """Return who a part's peers are: its kind, or what stands at the same place of trays of one kind."""
    tray, _, leaf = place.partition("/")
    return parts.kind_of(place) or f"{parts.kind_of(tray)}/{leaf}"


def _is(parts: Parts, place: str, kind: str) -> bool:
    return not kind or place in parts.of(kind)


def _wrong(place: str, value: FactValue, want: FactValue, measure: MeasureSpec) -> Weight | None:
    if value is None:
        return None  # told of as missing where the plan expects it
    if measure.wanted:
        if value in measure.wanted:
            return None
        good = " or ".join(str(w) for w in measure.wanted)
        return Weight(place, str(value), good, 1.0, SURE, f"{measure.of} is {value}, {good} is wanted")
    if measure.least is not None or measure.most is not None:
        if not isinstance(value, int | float):
            return Weight(place, str(value), None, 1.0, SURE, f"{measure.of} is {value}, a number is wanted")
        low = -math.inf if measure.least is None else measure.least
        high = math.inf if measure.most is None else measure.most
        beyond = max(value - high, low - value)
        limit = high if value > high else low
        text = f"{measure.of} {value:.4g} {measure.unit}, {limit:.4g} is the limit"
        return Weight(place, float(value), limit, beyond, SURE, text) if beyond > 0 else None
    if want is None or value == want:
        return None
    return Weight(place, str(value), str(want), 1.0, SURE, f"{measure.of} is {value}, {want} is wanted")


def _odd(place: str, have: str | None, want: str | None, text: str) -> Weight:
    return Weight(place, have, want, 1.0, SURE, text)
