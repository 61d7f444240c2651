"""The table of a part swap: the one way through, no way around, an end from everywhere."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.decide.swap import NEXT, TRANSITIONS, Act, Happening, Stage, StepRefused, Swap, step

BEGUN = Swap("tx1/a/r03/k07/u12/bmc", "ada", "dead GPU", "+1 555", Stage.POWER_DOWN, 0, 10)
WAY = (Happening.OFF, Happening.REPLACED, Happening.IDENTIFIED, Happening.VERIFIED)


def test_the_one_way_through() -> None:
    swap, done = BEGUN, []
    for n, event in enumerate(WAY):
        swap, acts = step(swap, event, n, "seen")
        done += acts
    assert swap.stage is Stage.DONE
    assert swap.over
    assert done == [Act.LIGHT_ON, Act.LIGHT_OFF]
    assert swap.log[0] == "0 power_down -> replace: seen"
    assert len(swap.log) == len(WAY)


@pytest.mark.parametrize("stage", [s for s in Stage if not msgspec.structs.replace(BEGUN, stage=s).over])
def test_everything_else_is_refused_with_what_is_due(stage: Stage) -> None:
    swap = msgspec.structs.replace(BEGUN, stage=stage)
    for event in Happening:
        if (stage, event) not in TRANSITIONS:
            with pytest.raises(StepRefused, match="does not fit"):
                step(swap, event, 0)
    assert step(swap, Happening.ABORT, 0)[0].stage is Stage.ABORTED
    assert NEXT[stage]


@given(st.lists(st.sampled_from(list(Happening)), max_size=12))
def test_a_light_that_was_switched_on_is_switched_off_in_the_end(events: list[Happening]) -> None:
    swap, lit = BEGUN, False
    for n, event in enumerate(events):
        try:
            swap, acts = step(swap, event, n)
        except StepRefused:
            continue
        lit = (lit or Act.LIGHT_ON in acts) and Act.LIGHT_OFF not in acts
    assert not (swap.over and lit)
    assert (swap.stage is Stage.POWER_DOWN) <= (not swap.log)
