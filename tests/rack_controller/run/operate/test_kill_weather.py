"""A journal that refuses, cannot sync or is locked, and an upgrade between kills: nothing is done twice, none is lost.

And no kind of operation escapes: each verb that a plan can have is killed at its points.
"""

import pytest
from support.kill_story import KINDS, Kind, live, lost, plan_of, repeated
from support.kill_weather import Weather, upgrade

from rack_controller.model.operation import Verb

SAMPLE = [k for k in KINDS if k.name in ("on plain", "cycle answer_lost", "off lost", "restart unreachable")]
LAST_COMMIT = 16


@pytest.mark.parametrize("kind", SAMPLE, ids=lambda k: k.name)
@pytest.mark.parametrize("first", range(1, LAST_COMMIT, 3))
def test_a_journal_that_refuses_anywhere_repeats_and_loses_nothing(kind: Kind, first: int) -> None:
    for name, deaths, weather in (
        ("full", (), Weather(refuses_at=first)),
        ("locked", (), Weather(refuses_at=first, locked=True)),
        ("unsynced", (2 * first + 3,), Weather(refuses_at=first, unsure=True)),
    ):
        life = live(kind, deaths, weather)
        assert (repeated(life, kind), lost(life, kind)) == (0, 0), (name, life.operation.summary)


def test_what_a_sync_refused_may_stand_there_after_a_crash() -> None:
    """An intent of which its controller was told that it is not written: nothing went out, and nothing is lost."""
    kind, found = SAMPLE[0], 0
    for first, at in ((2, 5), (2, 6), (3, 7), (3, 8), (4, 9), (4, 10)):
        weather = Weather(refuses_at=first, unsure=True)
        life = live(kind, (at,), weather)
        assert (repeated(life, kind), lost(life, kind)) == (0, 0), (first, at, life.operation.summary)
        found += weather.came_back
    assert found


@pytest.mark.parametrize("kind", SAMPLE, ids=lambda k: k.name)
def test_a_newer_version_between_kills_finishes_what_the_older_began(kind: Kind) -> None:
    for deaths in ((5,), (9, 4), (14, 7)):
        life = live(kind, deaths, Weather(between=upgrade))
        assert life.deaths == len(deaths)
        assert (repeated(life, kind), lost(life, kind)) == (0, 0), (deaths, life.operation.summary)


def test_every_verb_that_a_plan_can_have_is_killed_at_its_points() -> None:
    """A new verb appears here by itself: without a kind in `support/kill_story.py` it fails."""
    one_of_each = {plan_of(kind).verb: kind for kind in KINDS}
    killed = {verb for verb, kind in one_of_each.items() if live(kind, ()).points >= 10}
    assert set(Verb) <= killed, f"no kill points: {', '.join(set(Verb) - killed)}"
