"""Only paths of the same endpoint are followed."""

import pytest

from firmware_bridge.wire.redfish.links import (
    every_link,
    link_of,
    local_path,
    member_links,
    resolved,
    same_origin_path,
    tidy,
)

ORIGIN = "https://10.0.0.1:8443"


@pytest.mark.parametrize(
    "link",
    ["/redfish/v1/Chassis/A", "/redfish/v1/Chassis/A B".replace(" ", "%20"), "/redfish/v1/X?$expand=.($levels=1)"],
)
def test_own_paths_pass(link: str) -> None:
    assert local_path(link, ORIGIN) == link
    assert local_path(ORIGIN + link, ORIGIN) == link


@pytest.mark.parametrize(
    "link",
    [
        "",
        "redfish/v1",
        "//evil.host/redfish/v1",
        "https://evil.host/redfish/v1",
        "http://10.0.0.1:8443/redfish/v1",
        "https://10.0.0.1:8443.evil.host/redfish/v1",
        "https://10.0.0.1:8443@evil.host/redfish/v1",
        "/redfish/v1/../../etc/passwd",
        "/redfish/v1/%2e%2e/x",
        "/redfish/v1/x%2F..",
        "/redfish//v1",
        "/redfish/v1/a\\b",
        "/redfish/v1/a\r\nHost: evil",
        "/redfish/v1/a b",
        "/redfish/v1/x?a=b c",
        "/" + "x" * 2000,
    ],
)
def test_everything_else_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match=r"path|query"):
        local_path(link, ORIGIN)


def test_location_headers_may_be_absolute_on_the_same_host_only() -> None:
    assert same_origin_path(ORIGIN + "/redfish/v1/TaskService/Tasks/1", ORIGIN) == "/redfish/v1/TaskService/Tasks/1"
    with pytest.raises(ValueError, match="another host"):
        same_origin_path("https://10.0.0.2:8443/redfish/v1/TaskService/Tasks/1", ORIGIN)


def test_odd_shapes_give_no_links() -> None:
    assert link_of({"Chassis": {"@odata.id": 7}}, "Chassis") is None
    assert link_of("text", "Chassis") is None
    assert member_links({"Members": [{"@odata.id": "/a"}, {}, 5, None, {"@odata.id": "/b"}]}) == ("/a", "/b")
    assert member_links({"Members": "many"}) == ()
    assert tidy("/redfish/v1/#/a") == "/redfish/v1"


def test_every_link_walks_oem_parts_and_leaves_out_what_is_skipped() -> None:
    document = {
        "@odata.id": "/self",
        "Oem": {"Maker": {"Part": {"@odata.id": "/oem"}}},
        "LogServices": {"@odata.id": "/logs"},
        "Links": {"Chassis": [{"@odata.id": "/one"}, {"@odata.id": "/two"}]},
    }
    assert set(every_link(document, frozenset({"LogServices"}))) == {"/oem", "/one", "/two"}


@pytest.mark.parametrize(
    ("link", "path", "odd"),
    [
        ("/redfish/v1/Chassis/A", "/redfish/v1/Chassis/A", False),
        ("redfish/v1/Chassis/A", "/redfish/v1/Chassis/A", True),
        ("?$skip=50", "/redfish/v1/Sensors?$skip=50", True),
        ("/redfish/v1/Sensors/CPU 0|Temp", "/redfish/v1/Sensors/CPU%200%7CTemp", True),
    ],
)
def test_harmless_spellings_are_forgiven_and_told(link: str, path: str, odd: bool) -> None:
    found, oddity = resolved(link, "/redfish/v1/Sensors?$skip=25", ORIGIN)
    assert (found, bool(oddity)) == (path, odd)


@pytest.mark.parametrize(
    "link",
    [
        *("Chassis/A", "../Chassis", "redfish/../v1", "redfish//x", "//evil.host/redfish/v1", "https://evil.host/x"),
        *("/redfish/v1/%2E%2e/x", "/redfish/v1/a\u202eb", "/redfish/v1/a\r\nX: y", "/redfish/v1/a%00", "?a\nb", ""),
        *("javascript:alert(1)", "file:///etc/passwd", "\\\\host\\x", "/redfish/v1/x%5c..%5cy"),
    ],
)
def test_harmful_spellings_are_not(link: str) -> None:
    with pytest.raises(ValueError, match=r"path|query"):
        resolved(link, "/redfish/v1/Sensors", ORIGIN)
