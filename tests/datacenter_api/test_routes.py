"""The route matrix: nothing exists that is not in it, and role × route is what the golden file says.

If the golden file's test fails, revert your change, not the file; a new route adds a line to it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datacenter_api.app import build_app
from datacenter_api.routes import ROUTES, Rule, allowed, matrix, methods_of, rule_for
from rack_controller.model.roles import Privilege, Role

GOLDEN = Path(__file__).parents[1] / "golden" / "route_matrix.json"


def walked(routes: list[Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield every path with its methods, through the routers that FastAPI keeps as branches."""
    for route in routes:
        branch = getattr(route, "original_router", None)
        if branch is not None:
            yield from walked(branch.routes)
        else:
            yield route.path, set(getattr(route, "methods", None) or {"WEBSOCKET"})


def test_every_route_of_the_application_is_in_the_matrix_and_the_other_way_round(tmp_path: Path) -> None:
    gate, services = build_app(tmp_path, console=False)
    services.store.close()
    real = {(m, path) for path, methods in walked(gate.app.routes) for m in methods - {"HEAD"}}  # type: ignore[attr-defined]
    # The console and the Redfish service are applications of their own behind the same gate.
    planned = {(r.method, r.path) for r in ROUTES if not r.path.startswith(("/console/", "/redfish"))}
    assert real == planned


def test_the_matrix_is_the_agreed_one() -> None:
    assert matrix() == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize(
    ("method", "path", "planned"),
    [
        ("GET", "/api/v1/racks/lab1/a/r01/k01/layout", "/api/v1/racks/{rack:path}/layout"),
        ("GET", "/api/v1/racks/k01", "/api/v1/racks/{rack:path}"),
        ("HEAD", "/api/v1/racks", "/api/v1/racks"),
        ("WEBSOCKET", "/console/_nicegui_ws/socket.io/", "/console/{rest:path}"),
        ("GET", "/console/", "/console/{rest:path}"),
    ],
)
def test_a_request_finds_its_rule(method: str, path: str, planned: str) -> None:
    rule = rule_for(method, path)
    assert rule is not None
    assert rule.path == planned


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("PUT", "/api/v1/racks"),
        ("WEBSOCKET", "/api/v1/events"),
        ("GET", "/consolex"),
        ("GET", "//"),
    ],
)
def test_what_is_not_planned_has_no_rule(method: str, path: str) -> None:
    assert rule_for(method, path) is None


def test_nobody_in_particular_reaches_only_open_routes() -> None:
    opened = {r.path for r in ROUTES if allowed(r, None)}
    redfish = {"/redfish", "/redfish/v1", "/redfish/v1/odata", "/redfish/v1/$metadata"}
    logins = {"/redfish/v1/SessionService/Sessions", "/redfish/v1/SessionService/Sessions/Members"}
    assert opened == {"/healthz", "/login", "/assets/{name}", "/api/v1/login"} | redfish | logins


def test_a_redfish_session_collection_is_open_for_login_only() -> None:
    opened = {(r.method, r.path) for r in ROUTES if allowed(r, None) and r.path.startswith("/redfish")}
    assert {m for m, path in opened if "Sessions" in path} == {"POST"}
    assert {m for m, path in opened if "Sessions" not in path} == {"GET", "OPTIONS"}


def test_only_admins_manage_accounts() -> None:
    rule = Rule("GET", "/x", Privilege.ACCOUNTS)
    assert [role for role in Role if allowed(rule, role)] == [Role.ADMIN]


def test_methods_of_a_path() -> None:
    assert methods_of("/api/v1/accounts/ann") == ["DELETE", "PATCH"]
