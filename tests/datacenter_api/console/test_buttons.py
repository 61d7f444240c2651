"""Buttons look like what a press of them does, on every page: none is made but by the one place for it."""

import re
from pathlib import Path

import pytest
from nicegui import ui
from nicegui.testing import user_simulation

import datacenter_api.console as console
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.buttons import button, show_as

PAGES = Path(console.__file__).parent
CHOICES = ("data-{kind}", 'class="plain"', 'class="tfbutton')
"""Buttons drawn as HTML that are no acts: choices of a chart, names in a list, and the screen at the rack's own."""


def test_each_kind_has_a_look_of_its_own() -> None:
    styles = (PAGES / "static" / "console.css").read_text()
    looks = {kind: re.findall(rf"button\.does\.{kind} {{([^}}]+)}}", styles) for kind in ButtonKind}
    assert all(len(found) == 1 for found in looks.values()), looks
    filled = {kind for kind, found in looks.items() if "background: var(--" in found[0]}
    assert filled == {ButtonKind.ACT, ButtonKind.HARM}, "what has consequences is filled, and nothing else"


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.py")), ids=lambda page: page.stem)
def test_no_page_makes_buttons_of_its_own(page: Path) -> None:
    source = page.read_text()
    assert page.stem == "buttons" or "ui.button(" not in source
    drawn = re.findall(r"<button[^>]*", source)
    assert [b for b in drawn if "ButtonKind." not in b and not any(c in b for c in CHOICES) and "{kind}" not in b] == []


async def test_one_button_asks_about_several_things() -> None:
    def page() -> None:
        made = button("Go on", ButtonKind.ACT, lambda: show_as(made, "Give up", ButtonKind.HARM))

    async with user_simulation(page) as user:
        await user.open("/")
        (shown,) = user.find(kind=ui.button).elements
        assert set(shown.classes) >= {"does", "act"}
        user.find("Go on").click()
        await user.should_see("Give up")
        assert "harm" in shown.classes
        assert "act" not in shown.classes
