"""The buttons of pages, each of one kind: the one place where they are made."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from datacenter_api.console.button_kinds import ButtonKind


def button(label: str, kind: ButtonKind, pressed: Callable[..., Any]) -> ui.button:
    """Put a button into the page."""
    return ui.button(label, on_click=pressed, color=None).props("unelevated dense no-caps").classes(kind.classes)


def show_as(shown: ui.button, label: str, kind: ButtonKind) -> None:
    """Let a button be another one: where one question is asked about several things."""
    shown.set_text(label)
    shown.classes(add=kind, remove=" ".join(other for other in ButtonKind if other is not kind))
