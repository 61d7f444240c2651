"""Query options: only what the ServiceRoot promises, and applied as DSP0266 says."""

from typing import Any

import pytest

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.query import Features, Query, parse_query
from firmware_bridge.redfish_service.shape import shape

TREE: dict[str, dict[str, Any]] = {
    "/c": {"@odata.id": "/c", "Members": [{"@odata.id": f"/c/{n}"} for n in range(3)], "Members@odata.count": 3},
    **{
        f"/c/{n}": {
            "@odata.id": f"/c/{n}",
            "@odata.type": "#Thing",
            "Id": str(n),
            "Part": {"@odata.id": f"/c/{n}/part"},
            "Links": {"Owner": {"@odata.id": "/owner"}},
            "Deep": {"A": 1, "B": 2},
        }
        for n in range(3)
    },
    **{f"/c/{n}/part": {"@odata.id": f"/c/{n}/part", "Id": "part"} for n in range(2)},
    "/owner": {"@odata.id": "/owner", "Id": "owner"},
}


def shaped(uri: str, query: str) -> dict[str, Any]:
    parsed = parse_query(query, Features())
    assert parsed is not None
    return shape(TREE[uri], parsed, TREE.get)


def test_options_that_do_not_concern_us_are_ignored() -> None:
    assert parse_query("foo=bar&x", Features()) is None
    assert parse_query("", Features()) is None


def test_expand_without_links() -> None:
    body = shaped("/c", "$expand=.")
    assert [m["Id"] for m in body["Members"]] == ["0", "1", "2"]
    assert body["Members"][0]["Part"] == {"@odata.id": "/c/0/part"}


def test_expand_two_levels_keeps_links_and_leaves_what_is_missing() -> None:
    body = shaped("/c", "$expand=.($levels=2)")
    assert body["Members"][0]["Part"]["Id"] == "part"
    assert body["Members"][2]["Part"] == {"@odata.id": "/c/2/part"}
    assert body["Members"][0]["Links"] == {"Owner": {"@odata.id": "/owner"}}


def test_expand_links_only_and_all() -> None:
    assert shaped("/c/0", "$expand=~")["Links"]["Owner"]["Id"] == "owner"
    assert shaped("/c/0", "$expand=~")["Part"] == {"@odata.id": "/c/0/part"}
    both = shaped("/c/0", "$expand=*")
    assert both["Links"]["Owner"]["Id"] == "owner"
    assert both["Part"]["Id"] == "part"


def test_select_keeps_identity_and_paths() -> None:
    assert shaped("/c/0", "$select=Deep/A") == {"@odata.id": "/c/0", "@odata.type": "#Thing", "Deep": {"A": 1}}


def test_select_on_an_expanded_collection_selects_in_its_members() -> None:
    body = shaped("/c", "$expand=.&$select=Id")
    assert body["Members"][1] == {"@odata.id": "/c/1", "@odata.type": "#Thing", "Id": "1"}


def test_top_and_skip_page_with_a_next_link() -> None:
    body = shaped("/c", "$skip=1&$top=1")
    assert body["Members"] == [{"@odata.id": "/c/1"}]
    assert body["Members@odata.count"] == 3
    assert body["Members@odata.nextLink"] == "/c?$skip=2&$top=1"
    assert "Members@odata.nextLink" not in shaped("/c", "$skip=1")


def test_only_gives_the_single_member_and_else_the_collection() -> None:
    single = {"@odata.id": "/s", "Members": [{"@odata.id": "/owner"}]}
    assert shape(single, Query(only=True), TREE.get)["Id"] == "owner"
    assert shape(TREE["/c"], Query(only=True), TREE.get) is TREE["/c"]
    with pytest.raises(RequestRefused):
        shape(TREE["/owner"], Query(only=True), TREE.get)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("$filter=Id eq 'x'", 501),
        ("$orderby=Id", 501),
        ("excerpt", 501),
        ("$expand=x", 400),
        ("$expand=.($levels=0)", 400),
        ("$expand=.($levels=7)", 400),
        ("$top=-1", 400),
        ("$skip=many", 400),
        ("$select=", 400),
        ("$select=A//B", 400),
        ("only=yes", 400),
        ("only&$top=1", 400),
    ],
)
def test_what_cannot_be_done_is_said(query: str, status: int) -> None:
    with pytest.raises(RequestRefused) as refused:
        parse_query(query, Features())
    assert refused.value.http_status == status


def test_features_come_from_the_service_root() -> None:
    told = {"ProtocolFeaturesSupported": {"ExpandQuery": {"NoLinks": True, "Levels": True, "MaxLevels": 2}}}
    features = Features.of_service_root(told)
    assert parse_query("$expand=.($levels=2)", features) == Query(expand=".", levels=2)
    for refused in ("$expand=*", "$select=Id", "only"):
        with pytest.raises(RequestRefused):
            parse_query(refused, features)
    assert not Features.of_service_root({}).expand_all


def test_an_excerpt_is_what_the_schema_says_and_anything_else_is_whole() -> None:
    sensor = {"@odata.id": "/s/1", "@odata.type": "#Sensor.v1_12_0.Sensor", "Name": "x", "Reading": 1, "Status": {}}
    short = {"@odata.id": "/s/1", "@odata.type": "#Sensor.v1_12_0.Sensor", "Reading": 1}
    features = Features(excerpt=True)
    query = parse_query("excerpt", features)
    assert query is not None
    assert shape(sensor, query, {}.get) == short
    fan = {"@odata.id": "/f", "@odata.type": "#Fan.v1_6_0.Fan", "Name": "x"}
    assert shape(fan, query, {}.get) == fan
    many = {"@odata.id": "/s", "Members": [{"@odata.id": "/s/1"}], "Members@odata.count": 1}
    wide = parse_query("$expand=.&excerpt", features)
    assert wide is not None
    assert shape(many, wide, {"/s/1": sensor}.get)["Members"] == [short]
    for text, offered in (("excerpt=1", True), ("excerpt", False)):
        with pytest.raises(RequestRefused):
            parse_query(text, Features(excerpt=offered))
