"""What holds of the interlocks whatever is seen: off with a reason only, latches for ever, more water more off."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.power import ENERGISES
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.detectors import WET, DetectorSight, Verdict, leaks_critically
from rack_controller.decide.drip import falls_on
from rack_controller.decide.interlock import Key, Order, Standing, advance, blocked, refusals
from rack_controller.decide.loop import LoopSight
from rack_controller.decide.picture import BuildingSight, Picture
from rack_controller.model.interlock import SWITCHES_OFF, InterlockPolicy
from rack_controller.model.layout import Layout
from rack_controller.run.guard.strike import ACTIONS
from tests.support.interlocked import InterlockedRack, planned, seeded_policy

POLICY: InterlockPolicy = seeded_policy()
IGNORANT = (Verdict.DRY, Verdict.SILENT, Verdict.BLIND, Verdict.UNMET)
DRY_ROW = (Verdict.DRY,) * 4


@dataclass(frozen=True)
class Scene:
    """What is seen `wait` s after the scene before: verdicts by tray (dry elsewhere), and the loop."""

    wait: float = 1.0
    verdicts: tuple[tuple[int, tuple[Verdict, ...]], ...] = ()
    off: frozenset[int] = frozenset()
    silent: frozenset[int] = frozenset()
    flow: float | None = 100.0
    fall: float | None = None
    margin: float | None = None
    isolated: bool | None = None


@functools.cache
def _healthy() -> tuple[Layout, Picture]:
    return planned(), InterlockedRack().look()


def picture(scene: Scene, now: float) -> Picture:
    layout, healthy = _healthy()
    said = dict(scene.verdicts)
    trays = []
    for n, tray in enumerate(healthy.trays):
        verdicts = said.get(n, DRY_ROW)
        sights = tuple(DetectorSight(join_place(tray.place, f"leak{i}"), "", v) for i, v in enumerate(verdicts))
        leaks = leaks_critically(verdicts)
        trays.append(
            replace(
                tray,
                detectors=sights,
                off=n in scene.off,
                answers=n not in scene.silent,
                margin_k=scene.margin if n == 0 else 30.0,
                drip=falls_on(layout, tray.place, [], POLICY.drip) if leaks else None,
            )
        )
    loop = LoopSight(healthy.loop.units, scene.flow, 100.0, scene.fall, 30.0, 30.0, None, 4, 0)
    building = BuildingSight(liquid_isolated=scene.isolated)
    return replace(healthy, now=Seconds(now), trays=tuple(trays), loop=loop, building=building)


def play(scenes: list[Scene]) -> list[tuple[Picture, Mapping[Key, Standing], tuple[Order, ...]]]:
    now, standings, seen = 100.0, dict[Key, Standing](), []
    for scene in scenes:
        now += scene.wait
        sight = picture(scene, now)
        decision = advance(standings, sight, POLICY)
        standings = dict(decision.standings)
        seen.append((sight, standings, decision.orders))
    return seen


def switched_off(orders: tuple[Order, ...]) -> set[Place]:
    return {t for order in orders if order.act in SWITCHES_OFF for t in order.targets}


def said_by(verdicts: st.SearchStrategy[Verdict]) -> st.SearchStrategy[tuple[tuple[int, tuple[Verdict, ...]], ...]]:
    of_one = st.lists(verdicts, min_size=1, max_size=4).map(tuple)
    return st.dictionaries(st.integers(0, 26), of_one, max_size=3).map(lambda d: tuple(sorted(d.items())))


TRAYS = st.frozensets(st.integers(0, 26), max_size=4)
SCENES = st.builds(
    Scene,
    wait=st.sampled_from([0.2, 1.0, 6.0, 20.0]),
    verdicts=said_by(st.sampled_from(list(Verdict))),
    off=TRAYS,
    silent=TRAYS,
    flow=st.none() | st.sampled_from([0.0, 15.0, 40.0, 100.0]),
    fall=st.none() | st.sampled_from([0.0, 0.2]),
    margin=st.none() | st.sampled_from([-2.0, 4.0, 30.0]),
    isolated=st.none() | st.booleans(),
)
STORIES = st.lists(SCENES, min_size=1, max_size=5)
FEW = settings(max_examples=30, deadline=None)


@given(STORIES)
@FEW
def test_nothing_that_is_ordered_energises(scenes: list[Scene]) -> None:
    for _, _, orders in play(scenes):
        assert not {ACTIONS[o.act] for o in orders if o.act in ACTIONS} & ENERGISES


@given(STORIES)
@FEW
def test_off_has_a_reason_at_the_tray_above_it_or_in_the_rack(scenes: list[Scene]) -> None:
    for sight, standings, orders in play(scenes):
        for order in (o for o in orders if o.act in SWITCHES_OFF):
            standing = standings[order.cause, order.place]
            assert standing.tripped_at is not None
            assert standing.evidence
            if order.place == sight.rack:
                continue
            for target in order.targets:
                assert target == order.place or target in standing.wet


@given(
    st.lists(
        st.builds(
            Scene,
            wait=st.sampled_from([1.0, 20.0]),
            verdicts=said_by(st.sampled_from(IGNORANT)),
            silent=TRAYS,
            flow=st.sampled_from([None, 100.0]),
        ),
        min_size=1,
        max_size=5,
    )
)
@FEW
def test_nothing_is_switched_off_for_ignorance(scenes: list[Scene]) -> None:
    assert all(not switched_off(orders) for _, _, orders in play(scenes))


@given(STORIES)
@FEW
def test_what_latched_stands_and_its_water_never_gets_less(scenes: list[Scene]) -> None:
    latching = {row.cause for row in POLICY.rows if row.latch}
    before: Mapping[Key, Standing] = {}
    for sight, standings, _ in play(scenes):
        for key, standing in before.items():
            if standing.cause in latching and standing.tripped_at is not None:
                assert standings[key].tripped_at == standing.tripped_at
                assert standings[key].wet >= standing.wet
        off = blocked(standings.values(), POLICY, sight)
        assert all(refusals(standings.values(), POLICY, tray) for tray in off)
        before = standings


@given(STORIES)
@FEW
def test_what_an_interlock_switches_off_behind_a_latch_is_not_switched_on(scenes: list[Scene]) -> None:
    blocking = {row.cause for row in POLICY.rows if row.latch and row.blocks}
    for _, standings, orders in play(scenes):
        for order in (o for o in orders if o.act in SWITCHES_OFF and o.cause in blocking):
            assert all(refusals(standings.values(), POLICY, target) for target in order.targets)


ALL_FAULTY = Scene(verdicts=((0, (Verdict.FAULTY,) * 4),))
UNHEARD_BESIDE_A_LEAK = Scene(verdicts=((0, (Verdict.SILENT,) * 4), (1, (Verdict.CRITICAL,))))


@given(SCENES, st.integers(0, 26), st.sampled_from(sorted(WET)), st.integers(0, 4))
@example(ALL_FAULTY, 0, Verdict.WARNING, 0)
@example(UNHEARD_BESIDE_A_LEAK, 0, Verdict.WARNING, 0)
@FEW
def test_one_more_wet_detector_never_takes_an_off_away(scene: Scene, where: int, wet: Verdict, at: int) -> None:
    said = dict(scene.verdicts)
    verdicts = list(said.get(where, DRY_ROW))
    if at < len(verdicts) and verdicts[at] not in WET:
        verdicts[at] = wet
    else:
        verdicts.append(wet)
    wetter = replace(scene, verdicts=tuple(sorted({**said, where: tuple(verdicts)}.items())))
    less, more = play([scene, replace(scene, wait=20.0)]), play([wetter, replace(wetter, wait=20.0)])
    for (_, _, few), (_, _, many) in zip(less, more, strict=True):
        assert switched_off(few) <= switched_off(many)
