"""Judges over plain evidence: each names the part, by peers, by design, by reaction, by what it says of itself."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.located_yaml import parse
from rack_controller.prove.accept.derived import derive
from rack_controller.prove.accept.evidence import Evidence, FloorRecord, Phase, Series
from rack_controller.prove.accept.judge import judge, judge_step
from rack_controller.prove.accept.parts import Parts, parts_of
from rack_controller.prove.accept.plan import MeasureSpec, Plan, Rule, StepSpec, plan_of
from rack_controller.prove.accept.told import pressure_lost
from rack_controller.prove.accept.verdict import Measured, Outcome, confidence

FULL = Phase("full", 0.0, 0.0, 100.0)


@pytest.fixture(scope="module")
def parts() -> Parts:
    generation = load_generation("gb200-nvl72")
    return parts_of(generation, design_of(generation))


def series(parts: Parts, name: str, values: object, noise: float = 0.0) -> Series:
    places = parts.of(name.partition(".")[0])
    times = np.arange(1.0, 101.0)
    level = np.broadcast_to(np.asarray(values, dtype=float), (len(times), len(places)))
    dice = np.random.default_rng(1).standard_normal(level.shape)
    return Series(name, "1", places, times, level + noise * dice)


def spec(rule: Rule, of: str, **more: object) -> MeasureSpec:
    return MeasureSpec(id="m", title="m", of=of, rule=rule, source="a test", **{"phase": "full", **more})  # type: ignore[arg-type]


def judged(parts: Parts, measure: MeasureSpec, *given: Series, phases: tuple[Phase, ...] = (FULL,)) -> Measured:
    return judge(measure, Evidence("k01", {s.name: s for s in given}, phases), parts)


def named(measured: Measured) -> list[str]:
    return [f.place for f in measured.findings]


def test_a_part_far_from_its_peers_is_named_with_value_limit_and_confidence(parts: Parts) -> None:
    values = np.full(72, 60.0)
    values[parts.of("gpu").index("u33/gpu1")] += 6.0
    found = judged(
        parts, spec(Rule.PEERS, "gpu.temperature", within=3.5), series(parts, "gpu.temperature", values, 0.3)
    )
    assert found.outcome is Outcome.FAIL
    assert named(found) == ["u33/gpu1"]
    assert found.findings[0].value == pytest.approx(66.0, abs=0.2)
    assert found.findings[0].limit == pytest.approx(63.5, abs=0.2)
    assert found.findings[0].confidence > 0.99


def test_the_manifold_s_tilt_is_no_fault(parts: Parts) -> None:
    flow = parts.design.manifold * 180.0
    measure = spec(Rule.PEERS, "tray.flow", share=0.03, profile="manifold")
    assert judged(parts, measure, series(parts, "tray.flow", flow)).outcome is Outcome.PASS
    assert judged(parts, spec(Rule.PEERS, "tray.flow", share=0.03), series(parts, "tray.flow", flow)).findings


def test_what_nobody_measures_is_an_error_and_so_is_a_silent_sensor(parts: Parts) -> None:
    measure = spec(Rule.RANGE, "gpu.temperature", most=80.0)
    assert judged(parts, measure).outcome is Outcome.ERROR
    values = np.full(72, 60.0)
    values[3] = np.nan
    silent = judged(parts, measure, series(parts, "gpu.temperature", values))
    assert silent.outcome is Outcome.ERROR
    assert named(silent) == [parts.of("gpu")[3]]


def test_whoever_reacts_instead_is_named_beside_who_does_not(parts: Parts) -> None:
    places = parts.of("leak")
    times = np.arange(1.0, 101.0)
    values = np.zeros((100, len(places)))
    values[(times > 50), places.index("u12/leak1")] = 2.0
    wet = Phase("wetted", 50.0, 51.0, 60.0, "u11/leak0")
    found = judged(
        parts,
        spec(Rule.RESPONDS, "leak.state", phase="wetted", within=1.0),
        Series("leak.state", "code", places, times, values),
        phases=(wet,),
    )
    assert set(named(found)) == {"u11/leak0", "u12/leak1"}


def test_a_feed_reaches_the_shelves_of_the_design(parts: Parts) -> None:
    assert parts.feels("feed-a", "shelf") == {"u06", "u08", "u39", "u41"}
    assert parts.feels("u06/psu4", "feedphase") == {"feed-a/l2"}


def test_a_supply_that_reports_wrongly_is_found_by_what_the_others_take_over(parts: Parts) -> None:
    places = parts.of("psu")
    times = np.arange(1.0, 1.0 + 20.0 * len(places))
    values = np.full((len(times), len(places)), 2400.0)
    phases = []
    for n, place in enumerate(places):
        begin = 20.0 * n + 10.0
        out = (times > begin) & (times <= begin + 8.0)
        values[out] += 2400.0 / (len(places) - 1)
        values[out, n] = 0.0
        phases.append(Phase("pulled", begin, begin, begin + 8.0, place))
    values[:, 5] *= 1.05
    found = judged(
        parts,
        spec(Rule.REMOVED, "psu.power", phase="pulled", least=0.965, most=1.035),
        Series("psu.power", "W", places, times, values),
        phases=tuple(phases),
    )
    assert named(found) == [places[5]]


def test_counters_are_held_against_the_rack_s_median(parts: Parts) -> None:
    ports = len(parts.of("port"))
    grown = np.linspace(0.0, 1.0, 100)[:, None] * np.r_[np.full(ports - 1, 1.0), 400.0][None, :]
    found = judged(
        parts, spec(Rule.COUNTS, "port.symbol_errors", most=60.0), series(parts, "port.symbol_errors", grown)
    )
    assert named(found) == [parts.of("port")[-1]]


def test_a_tray_that_never_obeys_takes_for_ever(parts: Parts) -> None:
    values = np.full((100, 72), 720.0)
    values[:2] = 1200.0
    values[:, :4] = 1200.0
    phase = Phase("capped", 0.0, 0.0, 100.0, value=720.0)
    measure = spec(Rule.SETTLES, "gpu.power", phase="capped", share=0.04, most=4.0)
    found = judged(parts, measure, series(parts, "gpu.power", values), phases=(phase,))
    assert named(found) == list(parts.of("gpu")[:4])


def test_a_drifting_meter_is_named(parts: Parts) -> None:
    drift = 1.0 + 0.04 * np.arange(1.0, 101.0)[:, None] / 3600.0
    measure = spec(Rule.DRIFTS, "cdu.flow", most=0.02)
    assert named(judged(parts, measure, series(parts, "cdu.flow", drift))) == ["u01"]
    assert judged(parts, measure, series(parts, "cdu.flow", np.ones((100, 1)))).outcome is Outcome.PASS


def test_a_drift_that_so_short_a_phase_cannot_tell_from_noise_is_an_error_that_says_so(parts: Parts) -> None:
    measure, times = spec(Rule.DRIFTS, "cdu.flow", most=0.05), np.arange(1.0, 2001.0)
    noise = 1.0 + 0.002 * np.random.default_rng(5).standard_normal(2000)

    def seen(values: NDArray[np.float64], until: float) -> Measured:
        flow = Series("cdu.flow", "L/min", parts.of("cdu"), times, values[:, None])
        return judged(parts, measure, flow, phases=(Phase("full", 0.0, 0.0, until),))

    short = seen(noise, 100.0)
    assert (short.outcome, [f.error for f in short.findings]) == (Outcome.ERROR, [True])
    assert "too short to tell 5.00% an hour" in short.findings[0].text
    assert seen(noise, 2000.0).outcome is Outcome.PASS
    assert named(seen(noise + 0.2 * times / 3600.0, 2000.0)) == ["u01"]


def test_serial_numbers_by_place_name_both_sides(parts: Parts) -> None:
    built = {"u11/gpu0": {"serial": "A"}, "u11/gpu1": {"serial": "B"}, "u11/gpu2": {"serial": "C"}}
    facts = {"u11/gpu0": {"serial": "B"}, "u11/gpu1": {"serial": "A"}, "u11/gpu2": {"serial": "C"}}
    found = judge(spec(Rule.PLACED, "serial"), Evidence("k01", facts=facts, built=built), parts)
    assert named(found) == ["u11/gpu0", "u11/gpu1"]
    assert "belongs in u11/gpu1" in found.findings[0].text
    nothing = judge(spec(Rule.PLACED, "serial"), Evidence("k01", facts=facts), parts)
    assert nothing.outcome is Outcome.ERROR


def test_pressure_decay_is_compared_at_one_temperature_and_an_old_tester_does_not_count(parts: Parts) -> None:
    warm = {"begin_kpa": 700.0, "begin_c": 20.0, "end_kpa": 700.0 * 296.15 / 293.15, "end_c": 23.0}
    good = FloorRecord("pressure_decay", "rack", warm, "t1", "2027-01-01", "2026-11-20")
    assert pressure_lost(good) == pytest.approx(0.0, abs=1e-9)
    measure = spec(Rule.RECORD, "pressure_decay", field="pressure_lost_kpa", most=3.5)
    assert judge(measure, Evidence("k01", records=(good,)), parts).outcome is Outcome.PASS
    cold = FloorRecord("pressure_decay", "rack", {**warm, "end_kpa": 700.0}, "t1", "2027-01-01", "2026-11-20")
    old = FloorRecord("pressure_decay", "rack", warm, "t1", "2026-01-01", "2026-11-20")
    for bad in (cold, old):
        assert named(judge(measure, Evidence("k01", records=(bad,)), parts)) == ["rack"]
    assert judge(measure, Evidence("k01"), parts).outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("bounds", "place", "limit"),
    [({"least": 10.0, "most": 14.0}, "u07", 14.0), ({"least": 10.0}, "u06", 10.0), ({"most": 14.0}, "u07", 14.0)],
)
def test_of_records_within_their_bounds_the_one_that_is_nearest_to_one_is_shown(
    parts: Parts, bounds: dict[str, float], place: str, limit: float
) -> None:
    of = dict.fromkeys(parts.of("shelf"), 12.0) | {"u06": 11.0, "u07": 13.5}
    records = tuple(FloorRecord("torque", p, {"nm": nm}, "w1", "2027-01-01", "2026-11-20") for p, nm in of.items())
    found = judge(
        spec(Rule.RECORD, "torque", only="shelf", field="nm", **bounds), Evidence("k01", records=records), parts
    )
    assert (found.outcome, found.place, found.value, found.limit) == (Outcome.PASS, place, of[place], limit)
    open_ = judge(spec(Rule.RECORD, "torque", only="shelf", field="nm"), Evidence("k01", records=records), parts)
    assert (open_.outcome, open_.limit) == (Outcome.PASS, None)


def pulled_supplies(parts: Parts, shows_at: dict[str, str]) -> tuple[list[Phase], Series]:
    """Return a phase for every supply that is pulled, and what each phase of the feeds takes; `shows_at`: by design's
    phase, where it shows instead."""
    phases, names = [], parts.of("feedphase")
    times = np.arange(0.0, 20.0 * (len(parts.of("psu")) + 1))
    values = np.full((len(times), len(names)), 20_000.0)
    for n, psu in enumerate(parts.of("psu"), 1):
        phases.append(Phase("pulled", 20.0 * n, 20.0 * n, 20.0 * n + 8.0, psu))
        at = shows_at.get(psu, shows_at.get(parts.phase_of(psu), parts.phase_of(psu)))
        during = (times > 20.0 * n) & (times <= 20.0 * n + 8.0)
        values[during, names.index(at)] -= 2000.0
    return phases, Series("feedphase.power", "W", names, times, values)


@pytest.mark.parametrize(
    ("shows_at", "blamed"),
    [
        ({}, set()),
        ({"u06/psu0": "feed-a/l2"}, {"u06/psu0"}),
        ({"feed-b/l1": "feed-b/l3", "feed-b/l3": "feed-b/l1"}, {"feed-b/l1", "feed-b/l3"}),
    ],
)
def test_one_supply_on_another_phase_is_named_and_of_all_of_a_phase_the_phase(
    parts: Parts, shows_at: dict[str, str], blamed: set[str]
) -> None:
    phases, drawn = pulled_supplies(parts, shows_at)
    measure = spec(Rule.RESPONDS, "feedphase.power", phase="pulled", within=-900.0, share=0.4)
    found = judge(measure, Evidence("k01", {"feedphase.power": drawn}, tuple(phases)), parts)
    assert set(named(found)) == blamed


def test_a_small_change_is_held_against_the_noise_of_its_own_readings(parts: Parts) -> None:
    shelves, dice = parts.of("shelf"), np.random.default_rng(5)
    times = np.arange(1.0, 41.0)
    change = np.where(times[:, None] > 20.0, 0.4, 0.0)
    values = 40.0 + change + 0.25 * dice.standard_normal((len(times), len(shelves)))
    values[:, 3] = 40.0  # stuck
    evidence = Evidence(
        "k01",
        {"shelf.temperature_clip": Series("shelf.temperature_clip", "K", shelves, times, values)},
        (Phase("rest", 0.0, 0.0, 20.0), Phase("full", 20.0, 20.0, 40.0)),
    )
    measure = spec(Rule.FOLLOWS, "shelf.temperature_clip", phase="rest", to="full", least=0.7, most=1.4, within=0.2)
    found = judge(msgspec.structs.replace(measure, unit="K"), evidence, parts)
    assert named(found) == [shelves[3]]
    assert {found.unit, *(f.unit for f in found.findings)} == {"1"}, "what is weighed are shares of what peers do"


def test_what_one_part_does_not_tell_is_unknown_of_its_tray_alone(parts: Parts) -> None:
    gpus, trays = parts.of("gpu"), parts.of("tray")
    values = np.full((3, len(gpus)), 1000.0)
    values[:, 5] = np.nan
    times = np.arange(1.0, 4.0)
    found = derive(
        {
            "tray.power": Series("tray.power", "W", trays, times, np.full((3, len(trays)), 5000.0)),
            "gpu.work_rate": Series("gpu.work_rate", "TFLOP/s", gpus, times, values),
        },
        parts,
    )["tray.work_rate"]
    assert found.places == trays
    assert np.isnan(found.values[:, 1]).all()
    assert (np.delete(found.values, 1, axis=1) == 1000.0).all()


def test_confidence_is_a_half_at_the_limit() -> None:
    assert confidence(0.0, 1.0) == pytest.approx(0.5)
    assert confidence(3.0, 1.0) == confidence(-3.0, 1.0) > 0.99


def test_a_sweep_holds_unknown_series_against_their_peers_own_scatter(parts: Parts) -> None:
    values = 5000.0 + 50.0 * np.random.default_rng(2).uniform(-1, 1, len(parts.of("fan")))
    values[7] = 3500.0
    step = StepSpec(id="s", title="s", level="L11", measures=[], sweep=["full"])  # type: ignore[arg-type]
    plan = Plan(1, "p", "p", [step])
    evidence = Evidence("k01", {"fan.speed": series(parts, "fan.speed", values)}, (FULL,))
    found = next(m for m in judge_step(step, plan, evidence, parts) if m.id.startswith("sweep_"))
    assert named(found) == [parts.of("fan")[7]]


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("steps: []", "steps", 4),
        ("steps:\n  - {id: a, title: a, level: L11, measures: []}", "steps[0].measures", 5),
        (
            "steps:\n  - {id: a, title: a, level: L11, measures: [{id: m, title: m, of: gpu.power, rule: range,"
            " source: s, phase: gone, most: 1}]}",
            "steps[0].measures[0].phase",
            5,
        ),
        (
            "steps:\n  - {id: a, title: a, level: L11, after: [b], measures: [{id: m, title: m, of: serial,"
            " rule: placed, source: s}]}",
            "steps[0].after[0]",
            5,
        ),
        (
            "steps:\n  - {id: a, title: a, level: L11, measures: [{id: m, title: m, of: serial, rule: guess,"
            " source: s}]}",
            "steps[0].measures[0].rule",
            5,
        ),
        (
            "steps:\n  - {id: a, title: a, level: L11, phases: [{name: full, for_s: 1}], measures: [{id: m, title: m,"
            " of: gpu.power, rule: range, source: s, phase: full, most: 1.1, against: asked}]}",
            "steps[0].measures[0].against",
            5,
        ),
    ],
)
def test_a_bad_plan_is_refused_with_file_line_and_field(text: str, field: str, line: int) -> None:
    with pytest.raises(FileInvalid) as caught:
        plan_of(parse(f"schema_version: 1\nname: p\ntitle: p\n{text}\n", "plan.yaml"))
    assert (caught.value.file, caught.value.line, caught.value.field) == ("plan.yaml", line, field)


@pytest.mark.parametrize("of", ["serial", "part"])
def test_serials_are_compared_where_records_were_handed_in_and_else_it_is_said_that_they_were_not(
    parts: Parts, of: str
) -> None:
    rule = MeasureSpec(id="m", title="Serials", of="serial", rule=Rule.PLACED, source="t", if_built=True)
    if of == "part":
        rule = MeasureSpec(id="m", title="Parts", of="part", rule=Rule.FACT, by="built", source="t", if_built=True)
    found = {f"u06/psu{n}": {of: f"S{n}"} for n in range(3)} | {"u06/psu3": {of: "S1"}}
    built = {f"u06/psu{n}": {of: f"S{n}"} for n in range(5)}
    bare = judge(rule, Evidence("k01", facts=found), parts)
    assert (bare.outcome, bare.judged, bare.findings) == (Outcome.UNCOMPARED, 0, [])
    assert bare.title.endswith("not compared, nobody handed as-built records in")
    told = {f.place: f.text for f in judge(rule, Evidence("k01", facts=found, built=built), parts).findings}
    assert "u06/psu3" in told
    if of == "serial":
        assert "S1 was found more than once: u06/psu1, u06/psu3" in told["u06/psu1"]
        assert told["u06/psu4"] == "u06/psu4: missing: S4 was built in here"


def test_one_step_of_an_instrument_s_last_digit_is_no_fault_and_of_what_is_counted_it_is(parts: Parts) -> None:
    shown = series(parts, "gpu.temperature_core", np.where(np.arange(72) % 9 == 0, 48.0, 47.0))
    shown.values[(np.arange(100)[:, None] + np.arange(72)) % 7 == 0] += 1.0  # whole degrees, now and then the next
    rule = spec(Rule.PEERS, "gpu.temperature_core", share=0.001, unit="°C")
    assert judged(parts, rule, shown).outcome is Outcome.PASS
    shown.values[:, 5] += 2.0
    assert named(judged(parts, rule, shown)) == [parts.of("gpu")[5]]
    links = series(parts, "gpu.nvlinks_up", 18.0)
    links.values[:, 3] = 17.0
    links.values[::7, 4:] -= 1.0
    assert parts.of("gpu")[3] in named(judged(parts, spec(Rule.PEERS, "gpu.nvlinks_up", share=0.02, unit="1"), links))


def test_a_step_that_all_peers_make_is_no_last_digit_and_excuses_nobody(parts: Parts) -> None:
    shown = series(parts, "tray.temperature", np.where(np.arange(len(parts.of("tray"))) == 4, 48.0, 40.0))
    rule = spec(Rule.PEERS, "tray.temperature", within=5.5, unit="°C")
    for _ in range(2):
        assert named(judged(parts, rule, shown)) == [parts.of("tray")[4]]
        shown.values[60:] += 6.0  # all of them at once
    shown.values[30::2] += 6.0  # and many times
    assert named(judged(parts, rule, shown)) == [parts.of("tray")[4]]
    shown.values[::5, 4] += 6.0  # its own steps excuse it no more than theirs
    assert named(judged(parts, rule, shown)) == [parts.of("tray")[4]]


def test_a_last_digit_is_taken_for_no_coarser_than_what_the_plan_allows(parts: Parts) -> None:
    shown = series(parts, "gpu.temperature_core", np.where(np.arange(72) == 9, 55.0, 47.0))
    shown.values[(np.arange(100)[:, None] + np.arange(72)) % 7 == 0] += 6.0
    rule = spec(Rule.PEERS, "gpu.temperature_core", within=5.0, unit="°C")
    assert named(judged(parts, rule, shown)) == [parts.of("gpu")[9]]
    shown.values[:, 9] -= 1.0
    assert named(judged(parts, rule, shown)) == []


def test_who_was_not_read_before_is_an_error_of_the_part_and_no_fault(parts: Parts) -> None:
    power = series(parts, "psu.power", 2400.0)
    at = parts.of("psu").index("u06/psu0")
    power.values[:60, at] = np.nan
    power.values[60:, at] = 0.0
    pulled = Phase("pulled", 50.0, 61.0, 70.0, "u06/psu0")
    found = judged(parts, spec(Rule.RESPONDS, "psu.power", phase="pulled", within=-1000.0), power, phases=(pulled,))
    assert (found.outcome, named(found)) == (Outcome.ERROR, ["u06/psu0"])
    assert "not read both before and after" in found.findings[0].text


def test_a_counter_that_was_set_back_counts_with_what_it_had_before(parts: Parts) -> None:
    times, values = np.arange(1.0, 11.0), np.zeros((10, len(parts.of("port"))))
    values[:, 3] = [0, 40, 80, 120, 0, 1, 2, 3, 4, 5]
    counted = Series("port.symbol_errors", "1", parts.of("port"), times, values)
    measure = spec(Rule.COUNTS, "port.symbol_errors", phase="full", most=60_000.0 / 10)
    assert named(judged(parts, measure, counted)) == [parts.of("port")[3]]


def test_who_is_alone_in_its_kind_and_tells_no_firmware_is_missed_where_a_baseline_wants_one(parts: Parts) -> None:
    evidence = Evidence(
        "k01",
        facts={"u11/bmc": {"firmware": "1.0"}, "u01/bmc": {"firmware": None}},
        baseline={"cdu/bmc": {"firmware": "2.4.1"}, "u11/bmc": {"firmware": "1.0"}},
    )
    found = judge(spec(Rule.FACT, "firmware", by="baseline"), evidence, parts)
    assert [(f.place, f.error) for f in found.findings] == [("u01/bmc", True)]


def test_what_a_design_has_none_of_is_unknown_and_an_error(parts: Parts) -> None:
    wired = Series("port.ber_decades", "log10", (), np.arange(1.0, 101.0), np.empty((100, 0)))
    found = derive({"switch.power": series(parts, "switch.power", 500.0), wired.name: wired}, parts)
    mean = found["switch.ber_decades"]
    assert mean.places == parts.of("switch")
    assert np.isnan(mean.values).all()
    assert judged(parts, spec(Rule.RANGE, "port.ber_decades", most=-8.0), wired).outcome is Outcome.ERROR
    ranged = spec(Rule.RANGE, "switch.ber_decades", most=-8.0)
    assert judged(parts, ranged, wired, found["switch.power"], mean).outcome is Outcome.ERROR
