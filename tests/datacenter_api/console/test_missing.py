"""Pages of what there is none of: they say so, lead back to what there is, and offer nothing to be done."""

from collections.abc import Awaitable, Callable

import pytest
from nicegui import ui
from nicegui.testing import user_simulation
from support.api import Api

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.acceptance_page import show_run, show_test_floor
from datacenter_api.console.evaluation_page import show_evaluation
from datacenter_api.console.glance import Glance
from datacenter_api.console.passport_page import show_decision, show_passport
from rack_controller.acceptance.run import FOLDER
from rack_controller.model.roles import Role

WHO = Principal("ada", Role.ADMIN, "127.0.0.1")
NO_RUN = "There is no run '{}'"
PAGES: dict[str, tuple[Callable[[Api, str], Awaitable[None]], str, str]] = {
    "run": (lambda api, name: show_run(Glance(api.services), name, WHO), NO_RUN, "acceptance"),
    "screen": (
        lambda api, name: show_test_floor(Glance(api.services), name, WHO),
        "There is no run '{}'",
        "acceptance",
    ),
    "passport": (lambda api, name: show_passport(api.services, name, WHO), "No as-built records of rack", "decisions"),
    "decision": (lambda api, name: show_decision(api.services, name, WHO), "decision '{}'", "decisions"),
    "comparison": (lambda api, name: show_evaluation(api.services, name, WHO), "not by '{}'", "evaluation"),
}


@pytest.mark.parametrize("name", ["nonsense", ".locks", ".."])
@pytest.mark.parametrize("kind", PAGES)
async def test_what_is_not_there_is_said_with_the_way_back(api: Api, kind: str, name: str) -> None:
    (api.services.state / FOLDER / ".locks").mkdir(parents=True)
    draw, said, back = PAGES[kind]

    async def page() -> None:
        await draw(api, name)

    async with user_simulation(page) as user:
        await user.open("/")
        await user.should_see("Not found", retries=50)
        shown = " ".join(element.content for element in user.find(kind=ui.html).elements)
        assert said.format(name) in shown.replace("&#x27;", "'")
        assert f'href="/console/{back}"' in shown
        await user.should_not_see(kind=ui.button)
