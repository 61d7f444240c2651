"""Faults that are there only under load, after a stimulus or now and then, and what broken instruments show."""

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.virtual.batch import planted_for
from rack_controller.acceptance.virtual.recipe import Change, Planted, When, read_recipe
from rack_controller.acceptance.virtual.rig import VirtualRig
from rack_controller.prove.accept.evidence import Array, Evidence

GENERATION = "gb200-nvl72"
ROWS = 20


def rig_with(*changes: Change) -> VirtualRig:
    """Return a rack with the changes and a healthy one beside it, made of the same dice."""
    found = load_generation(GENERATION)
    return VirtualRig(found, read_recipe(), ["ill", "well"], 5, [Planted("f", "f", list(changes), [], [])])


def seen(rig: VirtualRig, load: float, kinds: set[str]) -> tuple[Evidence, Evidence]:
    rig.act(Act("load", "", load))
    rig.run(ROWS, 1.0, frozenset(kinds))
    ill, well = rig.collect(())
    return ill, well


def shown(evidence: Evidence, name: str, place: str) -> Array:
    series = evidence.series[name]
    return np.asarray(series.values[:, series.index(place)])


def test_a_sensor_that_lies_under_load_is_right_at_rest() -> None:
    rig = rig_with(Change(["rack"], sensor="rack.voltage", plus=-0.2, when=When(of="tray.power", above=3500)))
    for load, off in ((0.0, 0.0), (1.0, -0.2)):
        ill, _ = seen(rig, load, {"rack", "shelf"})
        gap = shown(ill, "rack.voltage", "rack")[5:] - np.median(ill.series["shelf.voltage"].values[5:], axis=1)
        assert np.median(gap) == pytest.approx(off, abs=0.02)


def test_a_supply_that_trips_stays_off_and_one_with_a_spell_comes_back() -> None:
    over = When(of="psu.power", above=2000, stays=True)
    rig = rig_with(
        Change(["u42/psu3"], set="psu.present", to=0, when=over),
        Change(["u39/psu1"], set="psu.present", to=0, when=When(every_s=1000, for_s=30)),
    )
    ill, _ = seen(rig, 0.0, {"psu"})
    assert shown(ill, "psu.power", "u42/psu3")[-1] > 300
    assert shown(ill, "psu.power", "u39/psu1")[-1] == pytest.approx(0.0, abs=30)
    ill, _ = seen(rig, 1.0, {"psu"})
    assert shown(ill, "psu.power", "u39/psu1")[-1] > 1500
    ill, _ = seen(rig, 0.0, {"psu"})
    assert shown(ill, "psu.power", "u42/psu3")[-1] == pytest.approx(0.0, abs=30)


def test_what_is_told_after_a_cycle_was_told_right_before() -> None:
    rig = rig_with(Change(["u14/bmc"], fact="power_restore", to="AlwaysOn", when=When(after="cycle_ac", wait_s=5)))
    ill, _ = seen(rig, 0.0, {"tray"})
    assert ill.facts["u14/bmc"]["power_restore"] == "AlwaysOff"
    rig.act(Act("cycle_ac"))
    ill, well = seen(rig, 0.0, {"tray"})
    assert (ill.facts["u14/bmc"]["power_restore"], well.facts["u14/bmc"]["power_restore"]) == ("AlwaysOn", "AlwaysOff")


def test_a_stimulus_counts_for_the_part_that_it_was_given_to_and_for_what_lies_in_it() -> None:
    gone = When(after="pull", for_s=5)
    rig = rig_with(
        Change(["u07/psu0", "u08/psu0"], sensor="psu.temperature", dead=True, when=gone),
    )
    rig.act(Act("pull", "u07"))
    ill, _ = seen(rig, 0.0, {"psu"})
    assert np.isnan(shown(ill, "psu.temperature", "u07/psu0")).any()
    assert np.isfinite(shown(ill, "psu.temperature", "u07/psu0")[-1])
    assert np.isfinite(shown(ill, "psu.temperature", "u08/psu0")).all()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change(["u13/gpu0"], sensor="gpu.power", step=100), lambda v: np.round(v / 100) * 100),
        (Change(["u13/gpu0"], sensor="gpu.power", most=500), lambda v: np.minimum(v, 500)),
        (Change(["u13/gpu0"], sensor="gpu.power", wraps=256), lambda v: v % 256),
        (Change(["u13/gpu0"], sensor="gpu.power", holds=True), np.maximum.accumulate),
    ],
)
def test_an_instrument_s_last_stage_spoils_what_it_shows(change: Change, expected: object) -> None:
    ill, well = seen(rig_with(change), 1.0, {"gpu"})
    true = shown(well, "gpu.power", "u13/gpu0")
    assert shown(ill, "gpu.power", "u13/gpu0")[-1] == pytest.approx(expected(true)[-1], abs=60)  # type: ignore[operator]


def test_a_channel_may_be_another_part_s_or_another_quantity_s_or_late() -> None:
    rig = rig_with(
        Change(["u16/gpu2"], sensor="gpu.temperature", to="@u31/gpu3"),
        Change(["u28/gpu3"], sensor="gpu.temperature_memory", shows="gpu.temperature"),
        Change(["u13/gpu0"], sensor="gpu.temperature", lag_s=300),
        Change(["u18/leak1"], sensor="leak.state", to="@u17/leak1", mixes=1.0),
    )
    seen(rig, 0.0, {"gpu", "leak"})
    rig.act(Act("wet", "u17/leak1"))
    ill, _ = seen(rig, 1.0, {"gpu", "leak"})
    assert shown(ill, "gpu.temperature", "u16/gpu2")[-1] == pytest.approx(
        shown(ill, "gpu.temperature", "u31/gpu3")[-1], abs=2
    )
    assert shown(ill, "gpu.temperature_memory", "u28/gpu3")[-1] == pytest.approx(
        shown(ill, "gpu.temperature", "u28/gpu3")[-1], abs=3
    )
    assert shown(ill, "gpu.temperature", "u13/gpu0")[-1] < shown(ill, "gpu.temperature", "u13/gpu1")[-1] - 8
    assert shown(ill, "leak.state", "u18/leak1")[-1] == shown(ill, "leak.state", "u17/leak1")[-1] == 2.0


def test_what_is_wired_cannot_be_wrong_now_and_then() -> None:
    with pytest.raises(ConfigurationError, match=r"psu\.feed"):
        rig_with(Change(["u06/psu0"], set="psu.feed", to="feed-b/l1", when=When(every_s=10, for_s=1)))


def test_a_star_stands_for_every_part_of_its_kind_in_every_design() -> None:
    for design, gpus in (("gb200-nvl72", 72), ("orv3-hpr-nvl36x2", 36)):
        (lot,) = (f for f in planted_for(design) if f.id == "warm_lot")
        assert len(lot.changes[0].at) == gpus
