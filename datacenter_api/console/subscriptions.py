"""Who is told of events over Redfish, as a table.  Pure: rows in, HTML out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datacenter_api.console.wording import esc

MARKS = {"Enabled": "● delivered to", "Disabled": "◌ suspended"}
_HEADS = ("Subscription", "Goes to", "State", "What of", "After the last retry")
_CHOSEN = ("Severities", "RegistryPrefixes", "MessageIds", "ResourceTypes", "EventTypes")
MOST_SHOWN = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One subscription, or one open stream, which is never suspended."""

    id: str
    name: str
    destination: str
    state: str
    failing: bool
    wants: str
    policy: str
    pushed: bool


def row_of(body: Mapping[str, Any]) -> Row:
    """Return a row of an EventDestination."""
    chosen = [", ".join(map(str, body[name])) for name in _CHOSEN if body.get(name)]
    origins = [str(link["@odata.id"]).removeprefix("/redfish/v1/") for link in body.get("OriginResources", ())]
    return Row(
        id=str(body["Id"]),
        name=str(body.get("Context") or body["Name"]),
        destination=str(body["Destination"]),
        state=str(body["Status"]["State"]),
        failing=body["Status"].get("Health") != "OK",
        wants="; ".join([*chosen, *origins]) or "everything",
        policy=str(body.get("DeliveryRetryPolicy", "")),
        pushed=body.get("SubscriptionType") != "SSE",
    )


def draw_rows(rows: Sequence[Row]) -> str:
    """Return the table, or that nobody listens."""
    if not rows:
        return '<p class="quiet">Nobody has subscribed, and no stream is open.</p>'
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    return f'<table class="lines"><thead><tr>{heads}</tr></thead><tbody>{"".join(map(_drawn, rows))}</tbody></table>'


def _drawn(row: Row) -> str:
    mark = MARKS.get(row.state, row.state) if row.pushed else "● open stream"
    state = f'<span class="sev-warning">▲ fails</span> {mark}' if row.failing else mark
    cells = (
        f"<b>{esc(row.id)}</b><br>{esc(row.name[:MOST_SHOWN])}",
        esc(row.destination[:MOST_SHOWN]),
        state,
        esc(row.wants[:MOST_SHOWN]),
        esc(row.policy) if row.pushed else "–",
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
