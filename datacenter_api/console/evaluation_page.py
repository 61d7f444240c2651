"""The page of evaluations: racks side by side, their differences, what it rests on; read when it is opened."""

import asyncio

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.evaluation import draw_comparison, draw_contrasts, draw_evaluations
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, RackwrightError

_EVALUATION = ("/console/evaluation", "Evaluation")
PATIENCE_S = 0.4
"""Passports that were handed in anew are counted so long in one look, the rest in the next: nobody waits for all."""


async def show_evaluation(services: Services, by: str, who: Principal) -> None:
    """Show racks side by side by generation, rack or run.  No price is shown to anybody."""
    try:
        desk = services.passports.evaluations()
        found = await asyncio.to_thread(desk.comparison, by, patience_s=PATIENCE_S)
        kept = await asyncio.to_thread(desk.kept)
    except ArgumentsInvalid:
        show_missing(who, f"racks are laid side by side by generation, rack or run, not by {by[:64]!r}", _EVALUATION)
        return
    except RackwrightError as err:
        show_missing(who, str(err), _EVALUATION)
        return
    show_top(who, ("/console/", "Hall"), ("/console/decisions", "Passports and decisions"), ("", "Evaluation"))
    with ui.element("main").classes("page"):
        html(draw_comparison(found, by), classes="card")
        html(draw_contrasts(found), classes="card")
        html(draw_evaluations(kept), classes="card")
    Viewer(services, who).start()
