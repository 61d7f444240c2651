"""Texts of rows put together at once are what they are when they are put together row by row."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.prove.row_texts import RowTexts

texts = st.text(max_size=3)


@st.composite
def pieces(draw: st.DrawFn) -> tuple[int, list[tuple[str, list[str | None], str]]]:
    """Return how many rows there are, and pieces: how each is put, and its text in every row."""
    rows = draw(st.integers(0, 5))
    of_rows = st.lists(st.none() | texts, min_size=rows, max_size=rows)
    return rows, draw(st.lists(st.tuples(st.sampled_from(["same", "coded", "each"]), of_rows, texts), min_size=1))


@given(pieces())
def test_rows_are_what_they_are_one_by_one(given_: tuple[int, list[tuple[str, list[str | None], str]]]) -> None:
    rows, said = given_
    made, wanted = RowTexts(rows), [""] * rows
    for how, column, text in said:
        if how == "same":
            made.same(text)
            wanted = [w + text for w in wanted]
        elif how == "coded":
            values = sorted({v for v in column if v is not None})
            codes = np.asarray([-1 if v is None else values.index(v) for v in column], np.int64)
            made.coded(codes, [text + v for v in values])
            wanted = [w if v is None else w + text + v for w, v in zip(wanted, column, strict=True)]
        else:
            made.each(pa.array(column, pa.string()), text, "}")
            wanted = [w if v is None else f"{w}{text}{v}}}" for w, v in zip(wanted, column, strict=True)]
    assert made.joined().to_pylist() == wanted
