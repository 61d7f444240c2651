"""Identity is place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.vocabulary.place import (
    Place,
    join_place,
    leaf_of,
    parse_place,
    rack_name,
    rack_of,
    site_of,
    slug,
    tray_of,
)

GPU = Place("tx1/a/r03/k07/u12/gpu2")


def test_the_parts_of_a_place() -> None:
    assert rack_of(GPU) == "tx1/a/r03/k07"
    assert rack_name(GPU) == "k07"
    assert tray_of(GPU) == "tx1/a/r03/k07/u12"
    assert (site_of(GPU), leaf_of(GPU)) == ("tx1", "gpu2")
    assert join_place(tray_of(GPU), "gpu2") == GPU


def test_above_a_rack_there_is_no_rack() -> None:
    with pytest.raises(ValueError, match="above a rack"):
        rack_of(Place("tx1/a"))


@pytest.mark.parametrize("text", ["", "a//b", "A/b", "a b", "a/../b", "a/b/c/d/e/f/g", "-a", "a/" + "x" * 65])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="place"):
        parse_place(text)


@given(st.text(max_size=80))
def test_any_device_name_becomes_a_place_part(name: str) -> None:
    assert parse_place(f"tx1/a/r/k/u1/{slug(name)}")


def test_a_slug_keeps_what_tells_parts_apart() -> None:
    assert slug("PDB_0 HSC/Pwr_1") == "pdb_0_hsc_pwr_1"
