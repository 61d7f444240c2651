"""Whole racks in virtual time: the documented order, never above the usable power, a controller that dies midway."""

from pathlib import Path

import pytest
from support.timed_rack import Hall
from support.virtual_time import run_virtually

from firmware_bridge.vocabulary.power import PowerAction, PowerState
from rack_controller.model.operation import Operation, OperationState, Verb


def story(hall: Hall, verb: Verb, path: Path, dies_at: int | None = None) -> Operation:
    ended: list[Operation] = []

    async def whole() -> None:
        ended.append(await hall.carry_out(verb, path, dies_at))

    run_virtually(whole())
    return ended[0]


@pytest.mark.parametrize("name", ["gb200-nvl72", "orv3-hpr-nvl36x2"])
def test_a_rack_comes_on_below_its_usable_power_and_goes_off_again(name: str, tmp_path: Path) -> None:
    hall = Hall(name, PowerState.OFF)
    ended = story(hall, Verb.ON, tmp_path)
    assert ended.state is OperationState.DONE, ended.summary
    assert all(t.acted == [PowerAction.ON] for t in hall.trays.values())
    rated = sum(t.power_max_w or 0.0 for t in hall.layout.trays)
    assert 0.85 * rated <= hall.highest_w <= hall.layout.busbar_power_usable_w
    assert hall.instants > 1_000
    assert hall.over == 0
    since = {s.id: ended.progress(s.id).since_unix_ns for s in ended.plan.steps}
    assert max(at for s, at in since.items() if s.startswith("switch")) <= min(
        at for s, at in since.items() if s.startswith("compute")
    )

    dark = Hall(name, PowerState.ON)
    over = story(dark, Verb.OFF, tmp_path / "off")
    assert over.state is OperationState.DONE, over.summary
    assert all(t.acted == [PowerAction.GRACEFUL_OFF] for t in dark.trays.values())
    hot = max(over.progress(s.id).since_unix_ns for s in over.plan.steps)
    assert over.ended_unix_ns - hot >= 120e9  # coolant outlives the heat
    assert dark.over == 0
    assert (dark.plant.gpu_die - dark.plant.supply[0]).max() <= 10.0


@pytest.mark.parametrize(
    ("name", "verb", "dies_at"),
    [
        ("orv3-hpr-nvl36x2", Verb.ON, 9),
        ("orv3-hpr-nvl36x2", Verb.ON, 61),
        ("gb200-nvl72", Verb.ON, 120),
        ("orv3-hpr-nvl36x2", Verb.OFF, 30),
        ("gb200-nvl72", Verb.OFF, 95),
    ],
)
def test_a_controller_that_dies_midway_neither_repeats_nor_skips(
    name: str, verb: Verb, dies_at: int, tmp_path: Path
) -> None:
    hall = Hall(name, PowerState.OFF if verb is Verb.ON else PowerState.ON, every_s=0.5)
    ended = story(hall, verb, tmp_path, dies_at)
    assert ended.state is OperationState.DONE, ended.summary
    once = [PowerAction.ON if verb is Verb.ON else PowerAction.GRACEFUL_OFF]
    assert all(t.acted == once for t in hall.trays.values())
    assert hall.over == 0


def test_gpus_that_do_not_join_end_the_operation_at_gate_two(tmp_path: Path) -> None:
    hall = Hall("orv3-hpr-nvl36x2", PowerState.OFF, gpus_joined=False, every_s=5.0)
    ended = story(hall, Verb.ON, tmp_path)
    assert ended.state is OperationState.FAILED
    assert "GPUs in the fabric: 0 of 36" in ended.summary
