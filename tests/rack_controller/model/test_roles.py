"""Roles and privileges: golden, and never a ladder."""

import json
from pathlib import Path

import pytest

from rack_controller.model.roles import PRIVILEGES, REDFISH_PRIVILEGES, Privilege, Role, may, may_not, whom_to_ask

GOLDEN = Path(__file__).parents[2] / "golden" / "roles.json"


def test_roles_stay_as_they_are() -> None:
    table = {role.value: sorted(p.value for p in privileges) for role, privileges in PRIVILEGES.items()}
    assert table == json.loads(GOLDEN.read_text())


def test_the_page_of_commands_tells_the_same() -> None:
    page = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text()
    rows = [
        line.strip("|").split("|") for line in page.partition("## Accounts")[2].splitlines() if line.startswith("|")
    ]
    told = {cells[0].strip(): set(cells[1].strip().split(", ")) for cells in rows}
    for role in set(Role) - {Role.ADMIN}:
        assert told[role] == {str(p) for p in PRIVILEGES[role] - {Privilege.OWN_ACCOUNT}}


def test_a_technician_sets_no_caps_and_clears_no_latches() -> None:
    assert not may(Role.TECHNICIAN, Privilege.LIMIT)
    assert not may(Role.TECHNICIAN, Privilege.INTERLOCK)


def test_an_operator_clears_no_latches_and_safety_sets_no_caps() -> None:
    assert not may(Role.OPERATOR, Privilege.INTERLOCK)
    assert not may(Role.SAFETY, Privilege.LIMIT)


def test_every_privilege_has_a_redfish_name() -> None:
    assert set(REDFISH_PRIVILEGES) == set(Privilege)


def test_a_refusal_speaks_of_the_work_and_names_the_verb() -> None:
    refused = may_not(Role.VIEWER, Privilege.PROVE)
    assert refused == "role viewer may not begin acceptance, hand in evidence or sign it"
    assert may_not(Role.VIEWER, Privilege.LIMIT, "power_cap") == "role viewer may not set power limits (power cap)"
    assert len({may_not(Role.VIEWER, privilege) for privilege in Privilege}) == len(Privilege)


@pytest.mark.parametrize(
    ("privilege", "said"),
    [
        (Privilege.LOCATE, "ask a technician"),
        (Privilege.LIMIT, "ask an operator"),
        (Privilege.INTERLOCK, "ask a safety engineer"),
        (Privilege.CONFIGURE, "ask an admin"),
    ],
)
def test_who_lacks_a_privilege_is_told_the_lowest_role_that_has_it(privilege: Privilege, said: str) -> None:
    assert whom_to_ask(privilege) == said
