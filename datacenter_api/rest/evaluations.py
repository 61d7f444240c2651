"""Evaluations: racks side by side with intervals, which differences are real, what it takes to decide by a day."""

import asyncio
import sys
import time
from datetime import UTC, date, datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from datacenter_api import __version__
from datacenter_api.evaluation.shown import EvaluationRow, EvaluationShown, NeededRow
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, EnvironmentUnfit
from rack_controller.model.roles import Privilege, may
from rack_controller.prove.evaluate.as_csv import differences_csv, values_csv
from rack_controller.prove.evaluate.compare import Comparison
from rack_controller.prove.evaluate.criteria import EvaluationPlan
from rack_controller.prove.evaluate.milestones import Milestone, What

router = APIRouter(prefix="/api/v1/evaluations", tags=["evaluations"])
Parts = Annotated[Services, Depends(services_of)]
Word = Annotated[str, Query(max_length=64)]
Names = Annotated[list[Annotated[str, Field(max_length=256)]] | None, Query(max_length=1_000)]
Name = Annotated[str, PathParameter(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
PLAN = "standard"
WITHIN_S = 600.0


_COMPARED = describes(Comparison)
_COMPARED[200]["content"]["text/csv"] = {"schema": {"type": "string"}}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WishBody(_Body):
    """Which virtual racks to measure: so many of each generation, made from a seed, each so many times."""

    generations: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=8)
    racks: int = Field(default=4, ge=1, le=32)
    seed: int = Field(default=1, ge=0, le=2**31)
    repeats: int = Field(default=1, ge=1, le=10)
    plan: str = Field(default=PLAN, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")


class RunBody(_Body):
    """An acceptance run of this installation whose measurements are taken."""

    run: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$")
    plan: str = Field(default=PLAN, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")


class MilestoneBody(_Body):
    """A moment of a rack; `at` is now where nothing is said."""

    rack: str = Field(pattern=r"^[a-z0-9._/-]{1,256}$")
    what: What
    at: datetime | None = None
    note: str = Field(default="", max_length=400)


@router.get("", responses=describes(list[EvaluationRow]))
async def list_evaluations(parts: Parts) -> Response:
    """Every evaluation that is kept, the oldest first; one whose seal does not hold says so and does not count."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.evaluations().kept()))


@router.post("", responses=describes(EvaluationRow))
async def evaluate(wish: WishBody, parts: Parts, request: Request) -> Response:
    """Measure virtual racks in a process of its own, and keep what came of it under a seal; answers at its end."""
    who = principal_of(request)
    asked = msgspec.json.encode({**wish.model_dump(), "actor": who.user, "software": __version__})
    name = await _own_process([str(parts.state), asked.decode()])
    row = await asyncio.to_thread(lambda: parts.passports.evaluations().show(name).evaluation)
    parts.store.audit(who.user, who.address, "evaluation", name, "kept", row.of)
    return json_answer(row)


@router.post("/take", responses=describes(EvaluationRow))
async def take(wish: RunBody, parts: Parts, request: Request) -> Response:
    """Take what an acceptance run has measured, from raw series under its seal, as an evaluation of its rack."""
    from rack_controller.evaluation.run import take_run

    who = principal_of(request)
    said = (wish.run, wish.plan, parts.state, who.user, __version__, time.time_ns())
    folder = await asyncio.to_thread(take_run, *said)
    row = await asyncio.to_thread(lambda: parts.passports.evaluations().show(folder.name).evaluation)
    parts.store.audit(who.user, who.address, "evaluation", row.id, "taken", wish.run)
    return json_answer(row)


@router.get("/plan", responses=describes(EvaluationPlan))
async def show_plan(parts: Parts, plan: Word = PLAN) -> Response:
    """What is done to racks, and by what they are compared, each with its source."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.evaluations().plan(plan)))


@router.get("/comparison", responses=_COMPARED)
async def show_comparison(
    parts: Parts,
    request: Request,
    by: Word = "generation",
    evaluation: Names = None,
    rack: Names = None,
    plan: Word = PLAN,
    form: Literal["json", "csv", "differences"] = "json",
) -> Response:
    """Racks side by side: values with intervals, and which differences are real.  Costs for those who may prove."""
    prices = may(principal_of(request).role, Privilege.PROVE)
    desk = parts.passports.evaluations()
    found = await asyncio.to_thread(desk.comparison, by, evaluation or (), racks=rack or (), prices=prices, plan=plan)
    if form == "json":
        return json_answer(found)
    text = values_csv(found) if form == "csv" else differences_csv(found)
    return Response(text, media_type="text/csv; charset=utf-8")


@router.get("/needed", responses=describes(list[NeededRow]))
async def show_needed(
    parts: Parts,
    effect: Annotated[float, Query(gt=0, le=1_000)],
    by: date,
    racks: Annotated[int, Query(ge=2, le=10_000)] = 4,
    days_before: Annotated[int, Query(ge=0, le=3_650)] = 0,
    plan: Word = PLAN,
) -> Response:
    """How many rack-days it takes to show an effect (in % of the mean) by a day, and whether that day can be met."""
    today = datetime.now(UTC).date()
    desk = parts.passports.evaluations()
    found = await asyncio.to_thread(desk.needed, effect, racks, by, today, days_before=days_before, plan=plan)
    return json_answer(found)


@router.get("/milestones", responses=describes(list[Milestone]))
async def list_milestones(parts: Parts, rack: Names = None) -> Response:
    """Moments of racks that were noted, of some racks or all."""
    found = await asyncio.to_thread(lambda: parts.passports.evaluations().milestones(rack or ()))
    return json_answer(found)


@router.post("/milestones", responses=describes(Milestone))
async def note_milestone(wish: MilestoneBody, parts: Parts, request: Request) -> Response:
    """Note a moment of a rack: docked, first job, failed, repaired."""
    who, now = principal_of(request), time.time_ns()
    at = now if wish.at is None else int(wish.at.replace(tzinfo=wish.at.tzinfo or UTC).timestamp() * 1e9)
    if not 0 < at <= now:
        raise ArgumentsInvalid("a milestone lies in the past", advice="`at` as ISO 8601, UTC")
    made = Milestone(wish.rack, wish.what, at, who.user, now, wish.note)
    async with parts.passports.turn:
        await asyncio.to_thread(lambda: parts.passports.evaluations().note(made))
    parts.store.audit(who.user, who.address, "milestone", wish.rack, wish.what, wish.note)
    return json_answer(made)


@router.get("/{name}", responses=describes(EvaluationShown))
async def show_evaluation(name: Name, parts: Parts) -> Response:
    """One evaluation with every sheet of it."""
    return json_answer(await asyncio.to_thread(lambda: parts.passports.evaluations().show(name)))


async def _own_process(arguments: list[str]) -> str:
    """Return the id that the process prints at its end.  Raises ArgumentsInvalid, EnvironmentUnfit."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rack_controller.evaluation", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), WITHIN_S)
    except TimeoutError as late:
        raise EnvironmentUnfit("the evaluation took too long", advice="ask for fewer racks") from late
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        lines = err.decode(errors="replace").strip().splitlines()
        raise ArgumentsInvalid(lines[-1] if lines else "the evaluation failed", advice="see its plan")
    return out.decode().strip().splitlines()[-1]
