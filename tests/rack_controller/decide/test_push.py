"""What a plan of one push needs and refuses, and what is made of a push from what its device shows."""

from dataclasses import replace

import msgspec
import pytest
from support.interlocked import RACK, InterlockedRack

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, CommandRefused, PreconditionFailed
from firmware_bridge.vocabulary.firmware import FirmwarePart, FirmwareSight, UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.sequence import Flashing
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.plan_push import Ground, PushWish, plan_push
from rack_controller.decide.resolve import Verdict
from rack_controller.decide.resolve_push import PushTimes, resolve_push, task_of
from rack_controller.model.effect import Before, Effect, EffectState
from rack_controller.model.image import FirmwareImage, ImageComponent
from rack_controller.model.lease import Direction, Facet
from rack_controller.model.operation import Plan, PlannedPush, diff_plans

U11 = Place(f"{RACK}/u11/bmc")
BMC = FirmwarePart("FW_BMC_0", "/fw/FW_BMC_0", "24.12", "0x0010")
HMC = FirmwarePart("HGX_FW_BMC_0", "/fw/HGX_FW_BMC_0", "24.12", "0x0010")
ROM = FirmwarePart("ROM", "/fw/ROM", "G548", "", updateable=False)
IMAGE = FirmwareImage("a" * 64, "bmc.fwpkg", 1_000, "all-25.10", [ImageComponent("0x0010", "25.10")], 1)
SIGHT = FirmwareSight(Seconds(0.0), (BMC, ROM), offers=True, most_bytes=2_000, controller_marker="1", remembers=True)


def planned(
    part: str = "",
    sight: FirmwareSight = SIGHT,
    image: FirmwareImage = IMAGE,
    ground: Ground | None = None,
    **rack: float,
) -> Plan:
    seen = InterlockedRack()
    if rack:
        seen.set("u11", Quantity.HEALTH, rack["health"])
    wish = PushWish(U11, image, part)
    return plan_push(wish, seen.layout, Flashing(600.0, 60.0), 15.0, seen.snapshot(), sight, ground or Ground())


def test_a_plan_says_what_runs_and_what_will() -> None:
    (stage,) = planned().stages
    (step,) = stage.steps
    assert stage.title == "FW_BMC_0 of u11/bmc: 24.12 becomes 25.10"
    assert (step.goal, step.facet, step.direction, step.tray) == (
        "firmware",
        Facet.FIRMWARE,
        Direction.NEUTRAL,
        RACK + "/u11",
    )
    assert step.push == PlannedPush("a" * 64, 1_000, "FW_BMC_0", "/fw/FW_BMC_0", "24.12", ["25.10"], 600.0, 60.0)
    runs = replace(SIGHT, parts=(replace(BMC, version="25.10"),))
    assert (planned(sight=runs).stages, planned(sight=runs).already) == ([], [U11])
    other = replace(SIGHT, parts=(replace(BMC, version="25.01"),))
    assert diff_plans(planned(), planned(sight=other)) == ["firmware/u11/bmc/FW_BMC_0 is done differently"]


def test_the_part_is_named_where_several_take_an_image() -> None:
    both = replace(SIGHT, parts=(BMC, HMC))
    with pytest.raises(ArgumentsInvalid, match="several parts take") as refused:
        planned(sight=both)
    assert refused.value.advice == "name one with --part: FW_BMC_0, HGX_FW_BMC_0"
    assert planned("HGX_FW_BMC_0", sight=both).steps[0].id == "firmware/u11/bmc/HGX_FW_BMC_0"
    silent = replace(SIGHT, parts=(replace(BMC, software_id=""),))
    assert planned("FW_BMC_0", sight=silent).steps[0].push.versions == ["25.10"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"part": "FW_X"}, ArgumentsInvalid, "has no firmware 'FW_X'"),
        ({"part": "ROM"}, ArgumentsInvalid, "ROM of .* cannot be written"),
        ({"sight": replace(SIGHT, offers=False)}, ArgumentsInvalid, "takes no image that is pushed"),
        ({"sight": replace(SIGHT, most_bytes=999)}, ArgumentsInvalid, "has 1000 bytes, .* takes 999"),
        ({"sight": replace(SIGHT, running=("/t/1",))}, PreconditionFailed, "being updated already"),
        (
            {"sight": replace(SIGHT, parts=(replace(BMC, software_id="0x99"),)), "part": "FW_BMC_0"},
            ArgumentsInvalid,
            "nothing for",
        ),
        ({"ground": Ground(kept_off="latch k01-l1")}, PreconditionFailed, "nothing is written to u11: latch k01-l1"),
        ({"ground": Ground(works_on="ida")}, PreconditionFailed, "u11 is under maintenance: ida"),
        ({"health": 2.0}, PreconditionFailed, "health is critical"),
    ],
)
def test_what_is_refused_before_anything_is_sent(
    more: dict[str, object], kind: type[CommandRefused], said: str
) -> None:
    with pytest.raises(kind, match=said):
        planned(**more)  # type: ignore[arg-type]


def test_what_does_not_answer_is_not_written_to() -> None:
    rack = InterlockedRack()
    unread = replace(rack.snapshot(), endpoints={})
    with pytest.raises(PreconditionFailed, match="has not been read yet"):
        plan_push(PushWish(U11, IMAGE), rack.layout, Flashing(), 15.0, unread, SIGHT, Ground())


PUSH = PlannedPush("a" * 64, 1_000, "BMC", BMC.uri, "24.12", ["25.10"], 600.0, 60.0)
BEFORE = Before("unknown", controller_marker="1", version="24.12", tasks=["/t/1"])
S, V = EffectState, Verdict
OLD, NEW = SIGHT, replace(SIGHT, parts=(replace(BMC, version="25.10"),))
AWAY = replace(SIGHT, controller_marker="2")


def effect(state: EffectState, task: str = "") -> Effect:
    return Effect("k", 1, "o", U11, Facet.FIRMWARE, "push_image", state, 1, 0, BEFORE, task=task)


def judged(
    state: EffectState,
    sight: FirmwareSight | None,
    task: UpdateSight | None = None,
    waited: float = 5.0,
    still: float = 5.0,
) -> tuple[Verdict, str]:
    times = PushTimes(Seconds(waited), Seconds(still), Seconds(15.0))
    found = resolve_push(effect(state), PUSH, sight, task, times)
    return found.verdict, found.why


RUNS, DONE, GONE = UpdateSight(UpdatePhase.RUNNING, 40), UpdateSight(UpdatePhase.DONE), UpdateSight(UpdatePhase.GONE)
FAILED = UpdateSight(UpdatePhase.FAILED, said="bad image")


@pytest.mark.parametrize(
    ("state", "sight", "task", "still", "verdict", "said"),
    [
        (S.ANSWERED, None, RUNS, 0.0, V.WAIT, "is being written, 40 %"),
        (S.ANSWERED, None, None, 30.0, V.WAIT, "may be starting anew"),
        (S.ANSWERED, None, None, 76.0, V.HELD, "what BMC runs is not known"),
        (S.ANSWERED, NEW, GONE, 5.0, V.OBSERVED, "BMC runs 25.10; it was 24.12"),
        (S.ANSWERED, OLD, FAILED, 5.0, V.UNSEEN, "gave it up: bad image; BMC runs 24.12"),
        (S.ANSWERED, OLD, DONE, 5.0, V.WAIT, "it was taken"),
        (S.ANSWERED, OLD, DONE, 76.0, V.UNSEEN, "it was taken, and BMC runs 24.12, not 25.10"),
        (S.ANSWERED, replace(OLD, running=("/t/2",)), None, 76.0, V.WAIT, "an update is under way"),
        (S.INTENT, OLD, None, 5.0, V.WAIT, "whether it got the image is not known"),
        (S.SENT, OLD, None, 76.0, V.REPEAT, "it never got the image"),
        (S.SENT, AWAY, None, 76.0, V.HELD, "whether it got the image is not known"),
        (S.SENT, replace(OLD, remembers=False), None, 76.0, V.HELD, "is not known"),
        (S.SENT, NEW, None, 5.0, V.OBSERVED, "BMC runs 25.10"),
        (S.SENT, OLD, DONE, 76.0, V.UNSEEN, "it was taken"),
    ],
)
def test_what_became_of_a_push(
    state: EffectState, sight: FirmwareSight | None, task: UpdateSight | None, still: float, verdict: Verdict, said: str
) -> None:
    found, why = judged(state, sight, task, still=still)
    assert (found, said in why) == (verdict, True), why


def test_one_that_is_written_for_ever_is_held() -> None:
    assert judged(S.ANSWERED, None, RUNS, waited=601.0)[0] is V.HELD


def test_a_push_whose_answer_was_lost_has_the_task_that_was_not_there_before() -> None:
    seen = replace(SIGHT, tasks=("/t/1", "/t/2"))
    assert task_of(effect(S.SENT), seen) == "/t/2"
    assert task_of(effect(S.SENT), replace(SIGHT, tasks=("/t/1",))) == task_of(effect(S.SENT), None) == ""
    assert task_of(effect(S.ANSWERED, "/t/9"), seen) == "/t/9"


def test_a_plan_of_a_push_is_kept_and_read_again() -> None:
    plan = planned()
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
