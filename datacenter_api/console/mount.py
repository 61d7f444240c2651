"""Puts NiceGUI at /console, offline and behind the gate.  Imported only when the console is wanted: it costs memory."""

from pathlib import Path

from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui

from datacenter_api.console.lost import show_lost
from datacenter_api.console.pages import add_pages
from datacenter_api.console.subscriptions_page import OpenDoor
from datacenter_api.services import Services

MOUNTED_AT = "/console"


def mount_console(app: FastAPI, services: Services, open_door: OpenDoor) -> None:
    """Mount the console on the API.  NiceGUI is one per process: call this once."""
    add_pages(services, open_door)
    nicegui_app.exception_handler(404)(show_lost)
    ui.run_with(
        app,
        title="Rackwright",
        mount_path=MOUNTED_AT,
        dark=None,
        favicon=Path(__file__).parent / "static" / "mark.svg",
        tailwind=False,
        reconnect_timeout=5.0,
        show_welcome_message=False,
    )
