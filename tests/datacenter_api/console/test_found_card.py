"""All that a run found is reached on its page, and waived, also of thousands: searched by words, a page at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from nicegui.testing import User, user_simulation
from support.accepted import finding, measured, record, step

from datacenter_api.acceptance.shown import RunView
from datacenter_api.console.acceptance import RunSight, draw_run
from datacenter_api.console.found import MOST_FOUND, draw_found, found_by, page_of
from datacenter_api.console.found_card import FoundCard
from rack_controller.prove.accept.verdict import Finding

MANY = 2000


def named(n: int) -> Finding:
    return finding(n, place=f"u{n // 100:02d}/part{n % 100}", serial=f"SN{n:06d}", text=f"part number {n} is wrong")


def view(count: int, **more: object) -> RunView:
    failed = step("gpu_stress", [measured([named(n) for n in range(count)])])
    return msgspec.structs.replace(RunView(record(failed), [], False, None, None, None, [], [], [], ""), **more)


def test_every_finding_is_on_one_page_and_no_page_is_heavy() -> None:
    many = view(MANY)
    numbers = found_by(many, "")
    pages = [page_of(numbers, n) for n in range(-(-MANY // MOST_FOUND))]
    assert [n for page in pages for n in page] == list(range(MANY))
    assert {len(page) for page in pages[:-1]} == {MOST_FOUND}
    assert page_of(numbers, 999) == pages[-1], "what is beyond the last page is the last one"
    assert page_of(numbers, -1) == pages[0]
    assert list(page_of([], 3)) == []
    last = draw_found(many, pages[-1], waives=True)
    assert f'data-waive="{MANY - 1}"' in last
    heaviest = max(len(draw_found(many, page, waives=True)) for page in pages) + len(draw_run(RunSight(many), "k42-1"))
    assert heaviest < 2 * len(draw_found(view(MOST_FOUND), range(MOST_FOUND), waives=True)), "as heavy as for sixty"


def test_words_find_by_part_serial_number_step_and_text_wherever_they_stand() -> None:
    many = view(MANY)
    assert found_by(many, "u19/PART99") == [1999]
    assert found_by(many, "sn001234") == [1234]
    assert found_by(many, "wrong 1777") == [1777]
    assert found_by(many, "gpu_stress tail u03/") == list(range(300, 400))
    assert found_by(many, "nothing of the kind") == []


@asynccontextmanager
async def card(sights: list[RunSight]) -> AsyncIterator[tuple[User, FoundCard]]:
    made: list[FoundCard] = []

    def page() -> None:
        made.append(FoundCard(lambda: sights[-1], waives=True))
        made[0].show()

    async with user_simulation(page) as user:
        client = await user.open("/")
        with client:
            made[0].refresh()
            yield user, made[0]


async def test_pages_are_turned_and_searched_and_stay_where_they_are_when_a_waiver_is_kept() -> None:
    sights = [RunSight(view(MANY))]
    async with card(sights) as (user, shown):
        await user.should_see("1–60 of 2000")
        await user.should_see("u00/part59")
        await user.should_not_see("u00/part60")
        user.find("Next ›").click()
        await user.should_see("61–120 of 2000")
        await user.should_see('data-waive="60"')
        sights.append(RunSight(view(MANY, trouble="another sight")))
        shown.refresh()
        await user.should_see("61–120 of 2000")
        user.find("Search: part").type("u19/part9")
        await user.should_see("1–11 of 11")
        await user.should_see('data-waive="1999"')
        user.find("Search: part").clear()
        user.find("Search: part").type("no such part")
        await user.should_see("none has these words")


async def test_few_findings_need_no_tools() -> None:
    async with card([RunSight(view(3))]) as (user, _):
        await user.should_see("Found <b>3</b>")
        await user.should_not_see("Next ›")
    async with card([RunSight(view(0))]) as (user, _):
        await user.should_see("Nothing out of bounds so far.")
