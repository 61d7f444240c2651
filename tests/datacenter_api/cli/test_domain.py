"""How many links are up: what nobody reads is told apart from what is down."""

from typing import Any

from datacenter_api.cli.domain import links_of


def health(up: int | None, seen: int, planned: int) -> dict[str, Any]:
    return {"ports_up": up, "ports_seen": seen, "ports_planned": planned}


def test_unread_links_are_not_called_down() -> None:
    assert links_of(health(1296, 1296, 1296), "ports") == "1296/1296"
    assert links_of(health(1150, 1152, 1296), "ports") == "1150/1152, 144 unread"
    assert links_of(health(None, 0, 1296), "ports") == "1296 unread"
    assert links_of(health(None, 0, 0), "ports") == "–", "a design that does not say how it is wired"
