"""$filter: what it keeps, what it refuses, and that no text makes it fail in any other way."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.redfish_service.filters import MOST_LENGTH, parse_filter
from firmware_bridge.redfish_service.messages import RequestRefused

BODY: dict[str, Any] = {
    "Name": "it's",
    "Reading": 40.5,
    "Count": 0,
    "Flag": True,
    "Unknown": None,
    "Status": {"State": "Enabled"},
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Status/State eq 'Enabled'", True),
        ("Status/State ne 'Enabled'", False),
        ("Reading gt 40", True),
        ("Reading le 40.5 and Reading ge 40.5", True),
        ("Reading lt -1", False),
        ("40 lt Reading", True),
        ("Name eq 'it''s'", True),
        ("Flag eq true", True),
        ("Count eq false", False),
        ("Unknown eq null and Missing eq null", True),
        ("Missing/Deeper ne null", False),
        ("Missing gt 1 or Missing le 1", False),
        ("Name gt 1", False),
        ("not (Reading gt 40 and Flag eq true)", False),
        ("not Reading gt 41 and Flag eq true", True),
        ("Flag eq false or Reading gt 40 and Count eq 0", True),
        ("(Flag eq false or Reading gt 40) and Count eq 1", False),
    ],
)
def test_what_it_keeps(text: str, kept: bool) -> None:
    assert parse_filter(text).keeps(BODY) is kept


@pytest.mark.parametrize(
    "text",
    [
        *("", "Reading", "Reading eq", "eq 1", "Reading is 1", "Reading eq 'x", "(Reading eq 1", "Reading eq 1)"),
        *("Reading eq 1 and", "and Reading eq 1", "Reading eq 1 Reading eq 2", "Reading eq 1;", "not", "()"),
        *("(" * 40 + "Reading eq 1" + ")" * 40, "Reading eq 1 or " * 80 + "Reading eq 1", "x" * (MOST_LENGTH + 1)),
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        parse_filter(text)
    assert refused.value.message == "QueryParameterValueFormatError"


_WORDS = ["(", ")", "not", "and", "or", "a", "eq", "gt", "1", "'x'"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(_WORDS)).map(" ".join))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        kept = parse_filter(text).keeps(BODY)
    except RequestRefused:
        return
    assert kept in (True, False)
