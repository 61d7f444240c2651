"""Layers stay apart, the lowest holds and is named, and no floor comes to lie above a cap."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.budget.agree import check_terms
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.layers import check_layer, covered, lay
from rack_controller.decide.budget.roster import roster_of
from rack_controller.model.power_layer import LayerKind, LayerWish
from rack_controller.model.power_policy import PowerPolicy, SpecInvalid, Tenant

RACK = "s/h/r/k01"
ROSTER = roster_of([(Place(RACK), load_generation("gb200-nvl72"))])
NOBODY = np.full(72, np.nan)
TRAY = f"{RACK}/u11"
MODULE = LayerWish(LayerKind.MODULE, TRAY, 2_100.0)  # less 300 W of its CPU, for two GPUs
SUM = LayerWish(LayerKind.TRAY, TRAY, 5_200.0)  # less 1,200 W of what is no GPU, for four
PROFILE = LayerWish(LayerKind.PROFILE, TRAY, profile="max-q")
FLOOR = LayerWish(LayerKind.FLOOR, TRAY, 700.0)
HIGH = LayerWish(LayerKind.FLOOR, TRAY, 950.0)


def replace_watts(wish: LayerWish, watts: float) -> LayerWish:
    return msgspec.structs.replace(wish, watts=watts)


def test_each_layer_leaves_what_it_leaves_and_the_lowest_comes_first() -> None:
    over = lay(ROSTER, [MODULE, SUM, PROFILE, FLOOR])
    assert over.at(0) == [
        ("module limit of 2100 W", 900.0),
        ("tray limit of 5200 W", 1000.0),
        ("profile max-q", pytest.approx(1020.0)),
    ]
    assert over.ceiling[:4].tolist() == [900.0] * 4
    assert np.isinf(over.ceiling[4:]).all()
    assert over.floor[:4].tolist() == [700.0] * 4
    assert not over.floor[4:].any()


def test_what_a_generation_states_holds_by_itself_only_where_it_is_lower() -> None:
    assert lay(ROSTER, []).caps == ()  # 2 x 1200 W and 300 W are just what the superchip carries
    rack = ROSTER.racks[0]
    assert rack.layers is not None
    assert rack.layers.module is not None
    tighter = replace_module(2_500.0)
    over = lay(tighter, [])
    assert over.at(0) == [("module rating", 1100.0)]


def replace_module(most: float):  # type: ignore[no-untyped-def]
    rack = ROSTER.racks[0]
    module = msgspec.structs.replace(rack.layers.module, most_w=most)  # type: ignore[union-attr, type-var]
    return replace(ROSTER, racks=(replace(rack, layers=msgspec.structs.replace(rack.layers, module=module)),))


@pytest.mark.parametrize(
    ("wish", "others", "said"),
    [
        (HIGH, [MODULE], "950 W above a cap of 900 W by module limit"),
        (MODULE, [HIGH], "950 W above a cap of 900 W by module limit"),
        (LayerWish(LayerKind.PROFILE, RACK, profile="max-q"), [replace_watts(HIGH, 1_050.0)], "profile max-q"),
        (LayerWish(LayerKind.MODULE, TRAY, 2_800.0), [], "a module limit of 2800 W"),
        (LayerWish(LayerKind.MODULE, TRAY, 300.0), [], "a module limit of 300 W"),
        (LayerWish(LayerKind.MODULE, TRAY, 900.0), [], "leaves 300 W to"),
        (LayerWish(LayerKind.MODULE, f"{TRAY}/gpu0", 2_000.0), [], "is one GPU"),
        (LayerWish(LayerKind.PROFILE, TRAY, profile="turbo"), [], "no workload profile 'turbo'"),
        (LayerWish(LayerKind.FLOOR, TRAY, 100.0), [], "a smoothing floor of 100 W"),
        (LayerWish(LayerKind.FLOOR, TRAY, float("nan")), [], "a smoothing floor of nan W"),
        (LayerWish(LayerKind.TRAY, TRAY, -5.0), [], "a tray limit of -5 W"),
        (LayerWish(LayerKind.TRAY, f"{RACK}/u99", 5_000.0), [], "no GPU of these racks"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_is_in_the_way(
    wish: LayerWish, others: list[LayerWish], said: str
) -> None:
    with pytest.raises(ArgumentsInvalid) as refused:
        check_layer(ROSTER, wish, others, NOBODY)
    assert said in str(refused.value)


def test_a_floor_above_a_persons_limit_is_refused_and_one_below_is_not() -> None:
    ceiling = NOBODY.copy()
    ceiling[2] = 650.0
    with pytest.raises(ArgumentsInvalid, match="u11/gpu2: a floor of 700 W above a cap of 650 W"):
        check_layer(ROSTER, FLOOR, [], ceiling)
    check_layer(ROSTER, LayerWish(LayerKind.FLOOR, TRAY, 640.0), [], ceiling)


def test_a_tenants_cap_below_a_smoothing_floor_is_a_conflict_of_the_policy() -> None:
    policy = PowerPolicy(tenants=[Tenant("free", ["k01/u12"]), Tenant("paid", ["k01/u11"], most_kw=2.6)])
    claims = claims_of(ROSTER, policy)
    with pytest.raises(SpecInvalid, match="a cap above the smoothing floor") as refused:
        check_terms(ROSTER, claims, policy, lay(ROSTER, [FLOOR]).floor)
    assert refused.value.path == "tenants[1].most_kw"
    check_terms(ROSTER, claims, policy, lay(ROSTER, []).floor)


def test_a_layer_set_anew_replaces_the_one_of_its_kind_at_the_place() -> None:
    lower = LayerWish(LayerKind.FLOOR, TRAY, 850.0)
    check_layer(ROSTER, MODULE, [lower, replace_watts(MODULE, 1_900.0)], NOBODY)


@given(st.lists(st.sampled_from([MODULE, SUM, PROFILE, FLOOR, LayerWish(LayerKind.TRAY, RACK, 4_000.0)]), max_size=5))
def test_what_passes_one_by_one_never_has_a_floor_above_a_cap(wishes: list[LayerWish]) -> None:
    taken: list[LayerWish] = []
    for wish in wishes:
        others = [w for w in taken if w.key != wish.key]
        try:
            check_layer(ROSTER, wish, taken, NOBODY)
        except ArgumentsInvalid:
            continue
        taken = [*others, wish]
    over = lay(ROSTER, taken)
    assert (over.floor <= np.minimum(over.ceiling, ROSTER.most) + 1e-9).all()
    for n in (0, 5, 71):
        assert [w for _, w in over.at(n)] == sorted(w for _, w in over.at(n))
        assert covered(ROSTER, RACK)[n]
