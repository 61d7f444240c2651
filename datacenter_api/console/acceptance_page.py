"""The pages of acceptance: every run, one run while it goes on, and the screen at the rack."""

import asyncio
import time

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.acceptance import RunSight, RunsSight, draw_run, draw_runs
from datacenter_api.console.begin_card import BeginCard
from datacenter_api.console.boards import Board, Look
from datacenter_api.console.fetched import Fetched
from datacenter_api.console.found_card import FoundCard
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.run_card import CutRun, StopRun
from datacenter_api.console.test_floor import TOOLS, draw_floor, floor_cells, way_back
from datacenter_api.console.upload import SCRIPT, draw_floor_upload
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.waive_card import WaiveCard
from datacenter_api.console.wording import esc
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.roles import Privilege, may

BUSY_S, QUIET_S = 1.0, 5.0
_STYLES = '<link rel="stylesheet" href="/assets/acceptance.css">'
_RUNS = ("/console/acceptance", "Acceptance")


def show_runs(glance: Glance, who: Principal, rack: str = "") -> None:
    """Show every run, and a way to begin one for who may; `rack`: the one that is chosen for it."""
    viewer = Viewer(glance.services, who)
    show_top(who, ("/console/", "Hall"), ("", "Acceptance"))
    ui.add_head_html(_STYLES)
    show_banner(glance, viewer)
    with ui.element("main").classes("page"):
        viewer.show(_runs_board(glance), html(classes="card"))
        if may(who.role, Privilege.PROVE):
            with ui.element("div").classes("card begin"):
                BeginCard(glance.services, who, rack).show()
        if may(who.role, Privilege.SERVICE):
            ui.add_head_html(SCRIPT)
            html(draw_floor_upload([rack] if rack else [r.token for r in glance.services.fleet]), classes="card")
    viewer.start()


async def show_run(glance: Glance, run: str, who: Principal) -> None:
    """Show one run, with ways to end it, and to go on with one that was cut, for who may."""
    if await _missing(glance, run, who):
        return
    services, viewer = glance.services, Viewer(glance.services, who)

    def renew() -> None:
        _fetched(glance, run).renew()

    show_top(who, ("/console/", "Hall"), _RUNS, ("", run))
    ui.add_head_html(_STYLES)
    show_banner(glance, viewer)
    proves = may(who.role, Privilege.PROVE)
    found = FoundCard(lambda: _fetched(glance, run).look(services.now()), waives=proves)
    with ui.element("main").classes("page"):
        viewer.show(_run_board(glance, run), html(classes="acceptance"))
        found.show()
        if may(who.role, Privilege.SERVICE):
            with ui.row().classes("stoprun"):
                if proves:
                    CutRun(services, run, who, renew).show()
                StopRun(services, run, who).show()
    if proves:
        WaiveCard(services, who, run, renew).show()
    viewer.start(found.refresh)


async def show_test_floor(glance: Glance, run: str, who: Principal) -> None:
    """Show the screen at the rack."""
    if await _missing(glance, run, who):
        return
    viewer = Viewer(glance.services, who)
    show_top(who, ("/console/", "Hall"), _RUNS, ("", run))
    ui.add_head_html(f'{_STYLES}<script src="/assets/test_floor.js" defer></script>')
    show_banner(glance, viewer)
    with ui.element("main").classes("testfloor").props(f'data-run="{esc(run)}"'):
        viewer.show(_floor_board(glance, run), html())
        if may(who.role, Privilege.SERVICE):
            html(TOOLS)
        html(way_back(run, begins=may(who.role, Privilege.PROVE)))
    viewer.start()


async def _missing(glance: Glance, run: str, who: Principal) -> bool:
    """Return whether there is no such run, and say so; one that cannot be read is there, its page says why."""
    try:
        await asyncio.to_thread(lambda: glance.services.acceptance.open().folder(run))
    except TargetUnknown as err:
        show_missing(who, err.what, _RUNS)
    except RackwrightError as err:
        show_missing(who, str(err), _RUNS)
    else:
        return False
    return True


async def read_runs(services: Services) -> RunsSight:
    """Return every run; an error is part of the answer."""
    try:
        return RunsSight(tuple(await asyncio.to_thread(lambda: services.acceptance.open().listed())))
    except RackwrightError as err:
        return RunsSight(error=str(err))


async def read_run(services: Services, run: str) -> RunSight:
    """Return one run; an error is part of the answer."""
    try:
        return RunSight(await asyncio.to_thread(lambda: services.acceptance.open().show(run)))
    except RackwrightError as err:
        return RunSight(None, str(err))


def _runs_board(glance: Glance) -> Board:
    fetched = glance.accepted.get(
        "runs",
        lambda: read_runs(glance.services),
        lambda sight: BUSY_S if any(r.running for r in sight.rows) else QUIET_S,
    )

    def look(now: Seconds) -> Look:
        sight = fetched.look(now)
        return Look(sight, lambda: draw_runs(sight), {})

    return glance.boards.get(("acceptance",), look)


def _fetched(glance: Glance, run: str) -> Fetched[RunSight]:
    return glance.acceptance.get(run, lambda: read_run(glance.services, run), _pace)


def _run_board(glance: Glance, run: str) -> Board:
    fetched = _fetched(glance, run)

    def look(now: Seconds) -> Look:
        sight = fetched.look(now)
        drawn = draw_run(sight, run)
        return Look(drawn, lambda: drawn, {})

    return glance.boards.get(("acceptance", run), look)


def _floor_board(glance: Glance, run: str) -> Board:
    fetched = _fetched(glance, run)

    def look(now: Seconds) -> Look:
        sight = fetched.look(now)
        drawn = draw_floor(sight, run)
        return Look(drawn, lambda: drawn, floor_cells(sight, time.time_ns()))

    return glance.boards.get(("test-floor", run), look)


def _pace(sight: RunSight) -> float:
    return BUSY_S if sight.view is not None and sight.view.record.outcome is None else QUIET_S
