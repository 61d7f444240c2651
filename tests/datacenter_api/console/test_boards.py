"""What many viewers look at is rendered once; each gets what changed since its own last look, or all."""

import json
from dataclasses import dataclass, field

from datacenter_api.console.boards import Board, Boards, Look, Same, for_script
from datacenter_api.console.wording import Cells
from firmware_bridge.vocabulary.units import Seconds


@dataclass
class Thing:
    key: object = "one"
    cells: Cells = field(default_factory=lambda: {("a", "text"): "1", ("b", "text"): "x"})
    asked: int = 0

    def look(self, _now: Seconds) -> Look:
        self.asked += 1
        return Look(self.key, lambda: f"<p>{self.key}</p>", dict(self.cells))


def at(seconds: float) -> Seconds:
    return Seconds(seconds)


def test_ten_viewers_within_a_second_cost_one_rendering() -> None:
    thing = Thing()
    board = Board(thing.look)
    sheets = [board.sheet(at(5.0 + n / 20)) for n in range(10)]
    assert thing.asked == 1
    assert len({id(sheet) for sheet in sheets}) == 1
    board.sheet(at(6.0))
    assert thing.asked == 2


def test_a_change_is_news_and_the_whole_is_there_for_who_missed_it() -> None:
    thing = Thing()
    board = Board(thing.look)
    first = board.sheet(at(1.0))
    thing.cells[("a", "text")] = "2"
    second = board.sheet(at(2.0))
    assert first is not None
    assert second is not None
    assert (second.epoch, second.version) == (first.epoch, first.version + 1)
    assert json.loads(second.news) == [["a", "text", "2"]]
    assert json.loads(second.full()) == [["a", "text", "2"], ["b", "text", "x"]]


def test_nothing_new_is_no_new_version() -> None:
    board = Board(Thing().look)
    assert board.sheet(at(1.0)) is board.sheet(at(2.0))


def test_another_key_draws_the_skeleton_anew_and_fills_it_wholly() -> None:
    thing = Thing()
    board = Board(thing.look)
    first = board.sheet(at(1.0))
    thing.key = "two"
    second = board.sheet(at(2.0))
    assert first is not None
    assert second is not None
    assert (second.epoch, second.html) == (first.epoch + 1, "<p>two</p>")
    assert len(json.loads(second.full())) == 2


def test_a_board_is_shared_while_somebody_holds_it() -> None:
    boards, thing = Boards(), Thing()
    one = boards.get("k", thing.look)
    assert boards.get("k", thing.look) is one
    del one
    assert len(boards) == 0


def test_the_same_objects_are_the_same_alike_ones_are_not() -> None:
    one, other = [1], [1]
    assert Same(one) == Same(one)
    assert Same(one) != Same(other)
    assert Same(one) != Same(one, one)


def test_a_script_cannot_be_left_from_within_a_value() -> None:
    script = for_script([("a", "text", "</script><script>alert(1)</script>\u2028")])
    assert "<" not in script
    assert "\u2028" not in script
    assert json.loads(script)[0][2].startswith("</script>")
