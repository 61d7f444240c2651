"""The controller dies at a point, twice in a row too: nothing is done twice, nothing is lost (a sample)."""

import pytest
from support.kill_story import KINDS, Kind, every_death, live, lost, repeated

from rack_controller.model.operation import OperationState

SAMPLE = [k for k in KINDS if k.name in ("on plain", "on answer_lost", "deaf off plain", "restart lost")]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_without_a_death_every_kind_ends_as_it_must(kind: Kind) -> None:
    life = live(kind, ())
    assert repeated(life, kind) == lost(life, kind) == 0
    blind = not kind.tells_starts or kind.deaf_to_grace or "off" in kind.goals
    assert life.operation.state is OperationState.DONE or (life.held and blind), life.operation.summary


@pytest.mark.parametrize("kind", SAMPLE, ids=lambda k: k.name)
def test_a_death_anywhere_repeats_and_loses_nothing(kind: Kind) -> None:
    deaths = list(every_death(kind, twice=False))
    assert len(deaths) >= 20
    for at in deaths[::3]:
        life = live(kind, at)
        assert life.deaths == 1
        assert (repeated(life, kind), lost(life, kind)) == (0, 0), (at, life.operation.summary)


@pytest.mark.parametrize("at", [(5, 4), (7, 7), (9, 2), (11, 5), (12, 12)])
def test_two_deaths_in_a_row(at: tuple[int, int]) -> None:
    kind = SAMPLE[0]
    life = live(kind, at)
    assert (life.deaths, repeated(life, kind), lost(life, kind)) == (2, 0, 0), life.operation.summary
