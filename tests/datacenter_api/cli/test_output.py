"""Tables: one line a row where they are piped, and within the terminal's width where there is one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter_api.cli.output import Column, Output, Row, answer, emit, note, render

COLUMNS = (
    Column("STATE", lambda r: str(r["state"])),
    Column("SEEN", lambda r: str(r["seen"])),
    Column("WHAT TO DO", lambda r: str(r["what"])),
)
ROWS: list[Row] = [
    {
        "state": "latched k01-l1",
        "seen": "leak1 is critical",
        "what": "leave it off, find the water and see that no more comes",
    },
    {"state": "confirming", "seen": "leak0 is silent", "what": "repair the detector"},
]
WORDS = st.lists(st.text("abc,", min_size=1, max_size=9), max_size=12).map(" ".join)


@pytest.mark.parametrize("output", Output)
def test_what_answers_stands_beside_a_table_and_never_in_a_document(
    output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    answer("3 same", output)
    note("asking again")
    said = capsys.readouterr()
    beside = "3 same\n" if output in (Output.TABLE, Output.WIDE) else ""
    assert (said.out, said.err.endswith("asking again\n")) == (beside, True)


def test_no_control_character_of_what_is_told_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b[2J\x9b31m\u202eb\r\nsigned"
    rows: list[Row] = [{"state": hostile, "seen": "ok", "what": hostile}]
    for shape in Output:
        emit(rows, COLUMNS, shape, name="state")
        answer(f"  beside {hostile}")
        told = capsys.readouterr().out
        assert not {"\x1b", "\x9b", "\r"} & set(told), shape
        assert told.endswith("  beside a [2J 31m b signed\n"), "one line, the room before it kept"
    assert json.loads(render(rows, COLUMNS, Output.JSON, single=True))["state"] == hostile, "a document keeps all"
    assert render(rows, COLUMNS, Output.TABLE).count("\n") == 1
    note("first\nsecond\x1b[2J")
    assert capsys.readouterr().err == "first\nsecond [2J\n"


def test_what_is_piped_is_one_line_a_row() -> None:
    assert len(render(ROWS, COLUMNS, Output.TABLE).splitlines()) == 3


def test_a_long_cell_goes_on_below_itself() -> None:
    assert render(ROWS, COLUMNS, Output.TABLE, fit=60).splitlines() == [
        "STATE           SEEN               WHAT TO DO",
        "latched k01-l1  leak1 is critical  leave it off, find the",
        "                                   water and see that no",
        "                                   more comes",
        "confirming      leak0 is silent    repair the detector",
    ]


def test_a_table_that_fits_is_left_as_it_is() -> None:
    assert render(ROWS, COLUMNS, Output.TABLE, fit=200) == render(ROWS, COLUMNS, Output.TABLE)


def test_a_word_that_goes_on_below_has_no_colour() -> None:
    rows = [{"state": "ok", "seen": "a", "what": "is it so or no"}]
    drawn = render(rows, COLUMNS, Output.TABLE, colour=True, fit=22)
    assert "\x1b[32mok" in drawn
    assert "\x1b[31m" not in drawn


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4), st.integers(1, 120))
def test_nothing_is_lost_and_nothing_passes_the_width_but_words(found: list[tuple[str, str, str]], fit: int) -> None:
    rows = [dict(zip(("state", "seen", "what"), cells, strict=True)) for cells in found]
    plain, drawn = render(rows, COLUMNS, Output.TABLE), render(rows, COLUMNS, Output.TABLE, fit=fit)
    assert sorted(plain.split()) == sorted(drawn.split())
    longest = [
        max(len(w) for r in rows for w in [h, *r[k].split()])
        for k, h in zip(rows[0], ("STATE", "SEEN", "WHAT TO DO"), strict=True)
    ]
    assert max(map(len, drawn.splitlines())) <= max(fit, sum(longest) + 4)
