"""The route matrix: every method and path with the privilege it asks for.  What is not listed here does not exist."""

import re
from dataclasses import dataclass
from functools import lru_cache

from rack_controller.model.roles import Privilege, Role, may

_P = Privilege
V1 = "/api/v1"
MOST_BODY_BYTES = 1 << 20
MOST_IMAGE_BYTES = 512 * 1024 * 1024
MOST_EVIDENCE_BYTES = 32 * 1024 * 1024
MOST_PHOTO_BYTES = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """One route.  `privilege` None: open to everybody; `{name:path}` may hold slashes; `most_bytes` of a body."""

    method: str
    path: str
    privilege: Privilege | None
    most_bytes: int = MOST_BODY_BYTES


ROUTES: tuple[Rule, ...] = (
    Rule("GET", "/", _P.READ),
    Rule("GET", "/healthz", None),
    Rule("GET", "/login", None),
    Rule("POST", "/login", None),
    Rule("POST", "/logout", _P.OWN_ACCOUNT),
    Rule("GET", "/assets/{name}", None),
    Rule("GET", "/metrics", _P.READ),
    Rule("GET", "/openapi.json", _P.READ),
    Rule("GET", "/docs", _P.READ),
    Rule("GET", "/docs/{name}", _P.READ),
    Rule("POST", f"{V1}/login", None),
    Rule("POST", f"{V1}/logout", _P.OWN_ACCOUNT),
    Rule("GET", f"{V1}/session", _P.OWN_ACCOUNT),
    Rule("GET", f"{V1}/sessions", _P.OWN_ACCOUNT),
    Rule("DELETE", f"{V1}/sessions/{{session_id}}", _P.OWN_ACCOUNT),
    Rule("POST", f"{V1}/account/password", _P.OWN_ACCOUNT),
    Rule("GET", f"{V1}/accounts", _P.ACCOUNTS),
    Rule("POST", f"{V1}/accounts", _P.ACCOUNTS),
    Rule("PATCH", f"{V1}/accounts/{{user}}", _P.ACCOUNTS),
    Rule("DELETE", f"{V1}/accounts/{{user}}", _P.ACCOUNTS),
    Rule("GET", f"{V1}/audit", _P.ACCOUNTS),
    Rule("GET", f"{V1}/audit/heads", _P.ACCOUNTS),
    Rule("GET", f"{V1}/domains", _P.READ),
    Rule("GET", f"{V1}/domains/{{domain}}", _P.READ),
    Rule("GET", f"{V1}/racks", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/layout", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/endpoints", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/readings", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/stream", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/swaps", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/locks", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/interlocks", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/interlocks/policy", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/interlocks/test", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/alarms", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/alarms/definitions", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/building", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/operations", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/operations/{{operation}}", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/limits", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/coolant", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/power", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/power/policy", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/power/what-if", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}/history", _P.READ),
    # Which privilege a command needs depends on its verb: the handler asks model.command.VERBS, the controller again.
    Rule("POST", f"{V1}/racks/{{rack:path}}/commands", _P.READ),
    Rule("GET", f"{V1}/racks/{{rack:path}}", _P.READ),
    Rule("GET", f"{V1}/firmware/images", _P.READ),
    Rule("POST", f"{V1}/firmware/images", _P.FIRMWARE, MOST_IMAGE_BYTES),
    Rule("GET", f"{V1}/passports", _P.READ),
    Rule("GET", f"{V1}/passports/imports", _P.READ),
    Rule("POST", f"{V1}/passports/imports", _P.PROVE, MOST_IMAGE_BYTES),
    Rule("GET", f"{V1}/passports/rules", _P.READ),
    Rule("GET", f"{V1}/passports/key", _P.READ),
    Rule("POST", f"{V1}/passports/key/rotate", _P.CONFIGURE),
    Rule("GET", f"{V1}/passports/{{rack:path}}/match", _P.READ),
    Rule("GET", f"{V1}/passports/{{rack:path}}/found", _P.READ),
    Rule("GET", f"{V1}/passports/{{rack:path}}/claims", _P.READ),
    Rule("POST", f"{V1}/passports/{{rack:path}}/export", _P.PROVE),
    Rule("POST", f"{V1}/passports/{{rack:path}}/freeze", _P.PROVE),
    Rule("GET", f"{V1}/passports/{{rack:path}}", _P.READ),
    # Who may say a step is written in the decision itself: the accounts of its parties.
    Rule("GET", f"{V1}/evaluations", _P.READ),
    Rule("POST", f"{V1}/evaluations", _P.PROVE),
    Rule("POST", f"{V1}/evaluations/take", _P.PROVE),
    Rule("GET", f"{V1}/evaluations/plan", _P.READ),
    Rule("GET", f"{V1}/evaluations/comparison", _P.READ),
    Rule("GET", f"{V1}/evaluations/needed", _P.READ),
    Rule("GET", f"{V1}/evaluations/milestones", _P.READ),
    Rule("POST", f"{V1}/evaluations/milestones", _P.PROVE),
    Rule("GET", f"{V1}/evaluations/{{name}}", _P.READ),
    Rule("GET", f"{V1}/options", _P.READ),
    Rule("POST", f"{V1}/options", _P.CONFIGURE),
    Rule("GET", f"{V1}/options/reminders", _P.READ),
    Rule("POST", f"{V1}/options/evidence", _P.PROVE, MOST_EVIDENCE_BYTES),
    Rule("GET", f"{V1}/options/{{name}}", _P.READ),
    Rule("GET", f"{V1}/options/{{name}}/evidence", _P.READ),
    Rule("POST", f"{V1}/options/{{name}}/steps", _P.OWN_ACCOUNT),
    Rule("POST", f"{V1}/options/{{name}}/dossier", _P.PROVE),
    Rule("POST", f"{V1}/options/{{name}}/dossier.zip", _P.PROVE),
    Rule("GET", f"{V1}/acceptance/plan", _P.READ),
    Rule("POST", f"{V1}/acceptance/plan", _P.READ),
    Rule("GET", f"{V1}/acceptance/floor", _P.READ),
    Rule("GET", f"{V1}/acceptance/floor/form", _P.READ),
    Rule("POST", f"{V1}/acceptance/floor", _P.SERVICE, MOST_EVIDENCE_BYTES),
    Rule("GET", f"{V1}/acceptance/runs", _P.READ),
    Rule("POST", f"{V1}/acceptance/runs", _P.PROVE),
    Rule("GET", f"{V1}/acceptance/runs/{{run}}", _P.READ),
    Rule("GET", f"{V1}/acceptance/runs/{{run}}/verify", _P.READ),
    Rule("GET", f"{V1}/acceptance/runs/{{run}}/report.html", _P.READ),
    Rule("GET", f"{V1}/acceptance/runs/{{run}}/report.pdf", _P.READ),
    Rule("GET", f"{V1}/acceptance/runs/{{run}}/evidence.zip", _P.READ),
    Rule("GET", f"{V1}/acceptance/runs/{{run}}/photos/{{name}}", _P.READ),
    # What a technician does at the rack; stopping leads everything back to rest.
    Rule("POST", f"{V1}/acceptance/runs/{{run}}/answers", _P.SERVICE),
    Rule("POST", f"{V1}/acceptance/runs/{{run}}/photos", _P.SERVICE, MOST_PHOTO_BYTES),
    Rule("POST", f"{V1}/acceptance/runs/{{run}}/stop", _P.SERVICE),
    Rule("POST", f"{V1}/acceptance/runs/{{run}}/go-on", _P.PROVE),
    Rule("POST", f"{V1}/acceptance/runs/{{run}}/give-up", _P.PROVE),
    Rule("POST", f"{V1}/acceptance/runs/{{run}}/waivers", _P.PROVE),
    Rule("GET", f"{V1}/endpoints/report", _P.READ),
    # A device's own words hold what nobody has looked through: accounts, keys, addresses.
    Rule("GET", f"{V1}/endpoints/raw", _P.CONFIGURE),
    # A console's text may hold what a person typed: watching is service, typing is operating (asked by the handler).
    Rule("GET", f"{V1}/consoles", _P.READ),
    Rule("GET", f"{V1}/consoles/{{place:path}}/log", _P.SERVICE),
    Rule("POST", f"{V1}/consoles/{{place:path}}/retry", _P.SERVICE),
    Rule("WEBSOCKET", f"{V1}/consoles/{{place:path}}/attach", _P.SERVICE),
    Rule("GET", f"{V1}/endpoints/readiness", _P.READ),
    Rule("GET", f"{V1}/trays/power", _P.READ),
    Rule("GET", f"{V1}/notify", _P.READ),
    Rule("POST", f"{V1}/notify/{{name}}/test", _P.CONFIGURE),
    Rule("GET", f"{V1}/top", _P.READ),
    Rule("GET", f"{V1}/events", _P.READ),
    Rule("GET", f"{V1}/events/stream", _P.READ),
    # The Redfish service: who may read may read all of it but other people's accounts; each change asks for the
    # privilege of its resource (redfish/changes.py), so that only the least one stands here.
    *(
        Rule(method, path, None)
        for path in ("/redfish", "/redfish/v1", "/redfish/v1/odata", "/redfish/v1/$metadata")
        for method in ("GET", "OPTIONS")
    ),
    Rule("POST", "/redfish/v1/SessionService/Sessions", None),
    Rule("POST", "/redfish/v1/SessionService/Sessions/Members", None),
    Rule("GET", "/redfish/{rest:path}", _P.READ),
    Rule("OPTIONS", "/redfish/{rest:path}", _P.READ),
    Rule("POST", "/redfish/{rest:path}", _P.OWN_ACCOUNT),
    Rule("PATCH", "/redfish/{rest:path}", _P.OWN_ACCOUNT),
    Rule("DELETE", "/redfish/{rest:path}", _P.OWN_ACCOUNT),
    Rule("GET", "/console", _P.READ),
    Rule("GET", "/console/{rest:path}", _P.READ),
    Rule("POST", "/console/{rest:path}", _P.READ),
    Rule("WEBSOCKET", "/console/{rest:path}", _P.READ),
)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z_]+(?::path)?\})", path)
    held = {True: ".*", False: "[^/]+"}
    regex = "".join(held[part.endswith(":path}")] if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile(regex)


_EXACT: dict[tuple[str, str], Rule] = {(r.method, r.path): r for r in ROUTES if "{" not in r.path}
_PATTERNS: tuple[tuple[re.Pattern[str], Rule], ...] = tuple((_pattern(r.path), r) for r in ROUTES if "{" in r.path)


@lru_cache(maxsize=4096)
def rule_for(method: str, path: str) -> Rule | None:
    """Return the rule that covers a request (HEAD is GET), None when there is none: that request is refused."""
    asked = "GET" if method == "HEAD" else method
    exact = _EXACT.get((asked, path))
    if exact is not None:
        return exact
    return next((rule for pattern, rule in _PATTERNS if rule.method == asked and pattern.fullmatch(path)), None)


def methods_of(path: str) -> list[str]:
    """Return which methods exist at a path: what a 405 answer lists."""
    return sorted({r.method for r in ROUTES if r.method != "WEBSOCKET" and rule_for(r.method, path) is not None})


def allowed(rule: Rule, role: Role | None) -> bool:
    """Return whether a role (None: nobody in particular) may use a route."""
    return rule.privilege is None or (role is not None and may(role, rule.privilege))


def matrix() -> dict[str, dict[str, bool]]:
    """Return route × role, with `anonymous` for no login: the golden file of the tests and the docs' table."""
    roles: list[tuple[str, Role | None]] = [("anonymous", None), *((role.value, role) for role in Role)]
    return {f"{r.method} {r.path}": {name: allowed(r, role) for name, role in roles} for r in ROUTES}
