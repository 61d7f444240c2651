"""Acceptance runs: begun, watched, stopped, answered by people, waived by name, reported, handed out, proven."""

import asyncio
import io
from collections.abc import Iterator
from functools import partial
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from datacenter_api.acceptance.beginning import GIVE, ONE_RACK, begin_run_as
from datacenter_api.acceptance.going_on import give_up_as, go_on_as, stop_run_as
from datacenter_api.acceptance.shown import FORMS, BegunRun, Checked, Photo, RunRow, RunView, Taken
from datacenter_api.acceptance.waiving import MIN_REASON, MOST_REASON, waive_as
from datacenter_api.rest.answers import describes, json_answer
from datacenter_api.rest.bodies import FILE, whole_body
from datacenter_api.routes import MOST_PHOTO_BYTES
from datacenter_api.services import Services, principal_of, services_of
from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from rack_controller.acceptance.progress import PATIENCE_S
from rack_controller.prove.accept.plan import Level
from rack_controller.prove.report.model import Waiver

MOST_PLAN_CHARACTERS, MOST_RACKS = 200_000, 64
router = APIRouter(prefix="/api/v1/acceptance/runs", tags=["acceptance"])
Parts = Annotated[Services, Depends(services_of)]
Run = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$")]
StepId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,47}$")]
Text = Annotated[str, Field(max_length=400)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BeginBody(_Body):
    """What to accept: `rack` that runs, `racks` together (at L12), or a virtual one of `generation` made from `seed`,
    with a fault `planted`.  `level`: L11 of one rack, L12 of several, where it is not said.

    `plan`: one of the generation's further plans, such as `short`; its whole one where it is empty.  `plan_text`: a
    plan of one's own, as YAML, instead.  `patience_s`: how long people are given for one thing.
    """

    rack: str = Field(default="", max_length=256)
    racks: list[Annotated[str, Field(max_length=256)]] = Field(default=[], max_length=MOST_RACKS)
    generation: str = Field(default="", max_length=64)
    level: Level | None = None
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    planted: str = Field(default="", max_length=64)
    plan: str = Field(default="", max_length=48, pattern=r"^[a-z0-9-]*$")
    plan_text: str = Field(default="", max_length=MOST_PLAN_CHARACTERS)
    patience_s: float = Field(default=PATIENCE_S, ge=1, le=86_400)


class StopBody(_Body):
    """Why a run is to end."""

    reason: Text = ""


class AnswerBody(_Body):
    """What a person hands in during `step`.  `photo` is the name that its upload was answered with."""

    step: StepId
    done: bool = False
    barcode: Annotated[str, Field(max_length=120, pattern=r"^[\x20-\x7e]*$")] = ""
    note: Text = ""
    photo: Annotated[str, Field(max_length=80)] = ""


class WaiverBody(_Body):
    """What is taken as it is, and why.  `place` empty: every part that the measure named."""

    step: StepId
    measure: Annotated[str, Field(min_length=1, max_length=120)]
    place: Annotated[str, Field(max_length=128)] = ""
    reason: Annotated[str, Field(min_length=MIN_REASON, max_length=MOST_REASON)]


@router.get("", responses=describes(list[RunRow]))
async def list_runs(parts: Parts) -> Response:
    """Every run, the newest first, with what each does now."""
    return json_answer(await asyncio.to_thread(lambda: parts.acceptance.open().listed()))


@router.post("", responses=describes(BegunRun))
async def begin_run(wish: BeginBody, parts: Parts, request: Request) -> Response:
    """Begin an acceptance.  It goes on in a process of its own, whatever becomes of this request.

    A rack that another run has is refused (409, `rack_taken`), with that run and what to do.

    `untold` lists the measures of the plan that nothing at a rack that runs tells: they can only end as errors.  Of
    racks together the run that leads is answered; `together` names all of them, `racks` what each lacks.
    """
    who = principal_of(request)
    if sum(map(bool, (wish.rack, wish.racks, wish.generation))) != 1:
        raise ArgumentsInvalid(ONE_RACK, advice=f"{GIVE}, `racks` for several together")
    if wish.plan and wish.plan_text:
        raise ArgumentsInvalid("a run has one plan", advice="give `plan` for one that ships, or `plan_text`")
    begun = await begin_run_as(
        parts, who, rack=wish.rack, racks=wish.racks, generation=wish.generation, level=wish.level, plan=wish.plan,
        plan_text=wish.plan_text, patience_s=wish.patience_s, seed=wish.seed, planted=wish.planted,
    )  # fmt: skip
    return json_answer(begun)


@router.get("/{run}", responses=describes(RunView))
async def show_run(run: Run, parts: Parts) -> Response:
    """One run: its record, its plan's steps, what it does now, what people are asked and handed in."""
    return json_answer(await asyncio.to_thread(lambda: parts.acceptance.open().show(run)))


@router.post("/{run}/stop", responses=describes(RunRow))
async def stop_run(run: Run, wish: StopBody, parts: Parts, request: Request) -> Response:
    """Have a run end at its next phase's end, with everything put back to rest, also one that no process has."""
    return json_answer(await stop_run_as(parts, principal_of(request), run, wish.reason))


@router.post("/{run}/give-up", responses=describes(RunRow))
async def give_up_run(run: Run, wish: StopBody, parts: Parts, request: Request) -> Response:
    """End a run that no process has, as it lies: nothing is done to its rack any more, and the record says so."""
    return json_answer(await give_up_as(parts, principal_of(request), run, wish.reason))


@router.post("/{run}/go-on", responses=describes(RunRow))
async def go_on_with_run(run: Run, parts: Parts, request: Request) -> Response:
    """Go on with a run that has not ended and that no process has; the step that was under way is done again."""
    return json_answer(await go_on_as(parts, principal_of(request), run))


@router.post("/{run}/answers", responses=describes(Taken))
async def take_answer(run: Run, wish: AnswerBody, parts: Parts, request: Request) -> Response:
    """Hand in what was done, scanned, noted or photographed; a scanned part is held against the as-built records."""
    who = principal_of(request)
    desk = parts.acceptance.open()

    def take() -> Taken:
        rack = desk.folder(run).read().rack
        built = parts.acceptance.built(rack) if wish.barcode else {}
        return desk.take(
            run,
            who.user,
            wish.step,
            done=wish.done,
            barcode=wish.barcode.strip(),
            note=wish.note,
            photo=wish.photo,
            built=built,
        )

    return json_answer(await asyncio.to_thread(take))


@router.post("/{run}/photos", responses=describes(Photo), openapi_extra=FILE)
async def take_photo(
    run: Run,
    parts: Parts,
    request: Request,
    step: Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9_]{0,47}$")],
) -> Response:
    """Keep a photo (JPEG, PNG or WebP, the body) of a step; name it in the answer that it belongs to."""
    who, data = principal_of(request), await whole_body(request, "the photo", MOST_PHOTO_BYTES)
    kept = await asyncio.to_thread(parts.acceptance.open().take_photo, run, step, data)
    parts.store.audit(who.user, who.address, f"acceptance photo {step}", run, "kept", kept.sha256)
    return json_answer(kept)


@router.get("/{run}/photos/{name}", responses={200: {"content": {"image/jpeg": {}}}})
async def show_photo(run: Run, name: str, parts: Parts) -> Response:
    """A photo as it was handed in."""
    content, kind = await asyncio.to_thread(parts.acceptance.open().photo, run, name)
    return Response(content, media_type=kind)


@router.post("/{run}/waivers", responses=describes(list[Waiver]))
async def waive(run: Run, wish: WaiverBody, parts: Parts, request: Request) -> Response:
    """Take a deviation as it is, by name and with a reason; what was measured stays what it was."""
    who = principal_of(request)
    return json_answer(
        await waive_as(parts, who, run, step=wish.step, measure=wish.measure, place=wish.place, reason=wish.reason)
    )


@router.get("/{run}/report.html", responses={200: {"content": {"text/html": {}}}})
async def show_report(run: Run, parts: Parts) -> Response:
    """The run's report as a page that stands alone."""
    return await _report(run, "html", parts)


@router.get("/{run}/report.pdf", responses={200: {"content": {"application/pdf": {}}}})
async def print_report(run: Run, parts: Parts) -> Response:
    """The run's report to sign, as PDF/A; needs the extra `report`."""
    return await _report(run, "pdf", parts)


@router.get("/{run}/evidence.zip", responses={200: {"content": {"application/zip": {}}}})
async def hand_out(run: Run, parts: Parts) -> Response:
    """Everything that the run kept: record, sealed evidence, raw series, waivers, answers and photos."""
    made = await asyncio.to_thread(parts.acceptance.open().bundle, run)
    size = made.seek(0, io.SEEK_END)
    made.seek(0)
    headers = {"content-disposition": f'attachment; filename="{run}.zip"', "content-length": str(size)}
    return StreamingResponse(_pieces(made), media_type="application/zip", headers=headers)


@router.get("/{run}/verify", responses=describes(Checked))
async def verify_run(run: Run, parts: Parts) -> Response:
    """Whether evidence, raw series and waivers are as they were sealed, and what is not."""
    return json_answer(await asyncio.to_thread(parts.acceptance.open().verify, run))


async def _report(run: str, form: str, parts: Services) -> Response:
    desk = parts.acceptance.open()
    rack = (await asyncio.to_thread(lambda: desk.folder(run).read())).rack
    passport = await parts.acceptance.passport(rack)
    content = await asyncio.to_thread(desk.report, run, form, passport)
    return _file(content, FORMS[form], f"{run}.{form}")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, 1 << 20), b"")


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'inline; filename="{name}"'})
