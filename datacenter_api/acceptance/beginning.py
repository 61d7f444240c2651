"""A run is begun in the name of who asked for it, over REST or on the console: what it will lack is told with it."""

import asyncio
from functools import partial

import msgspec

from datacenter_api.acceptance.shown import BegunRun
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.fleet.places import layout_of
from datacenter_api.fleet.queries import readings
from datacenter_api.services import Services
from rack_controller.acceptance.progress import PATIENCE_S
from rack_controller.prove.accept.untold import Untold


async def begin_run_as(
    parts: Services,
    who: Principal,
    *,
    rack: str = "",
    generation: str = "",
    level: str = "L11",
    plan: str = "",
    plan_text: str = "",
    patience_s: float = PATIENCE_S,
    seed: int = 1,
    planted: str = "",
) -> BegunRun:
    """Begin a run of `rack`, which runs, else of a virtual one of `generation`; it works with a login of `who`.

    Raises what the desk raises for what cannot be met, TargetUnknown for a rack that nobody knows.
    """
    place, token = "", ""
    untold: list[Untold] = []
    desk = parts.acceptance.open()
    if rack:
        record = parts.fleet.find(rack)
        layout = layout_of(record)
        generation, place = layout.generation, str(layout.rack)
        told = readings(parts.fleet.view(record, parts.now()))
        looked = await asyncio.to_thread(desk.preview, generation, level, plan, place, told, plan_text)
        untold = looked.untold
        token = parts.acceptance.login(who.user)
    begin = partial(
        desk.begin, rack=place, seed=seed, planted=planted, token=token, plan=plan, plan_text=plan_text,
        patience_s=patience_s,
    )  # fmt: skip
    async with parts.acceptance.turn:
        row = await asyncio.to_thread(begin, generation, level, who.user)
    about = ", ".join(filter(None, (row.rack, row.level, row.rig, plan or (plan_text and "a plan of its own"))))
    parts.store.audit(who.user, who.address, "acceptance run", row.id, "begun", about)
    return BegunRun(**msgspec.structs.asdict(row), untold=untold)
