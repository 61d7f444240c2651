"""Power limits of a tray: what each part shows and is wanted to keep, by whom, and why it is not raised.  Pure."""

from dataclasses import dataclass

from datacenter_api.console.wording import UNKNOWN, esc, slot_of
from rack_controller.model.limit import LimitRow, LimitState

AGAIN_S = 5.0
_GLYPHS = {
    LimitState.APPLIED: "●",
    LimitState.REQUESTED: "▲",
    LimitState.UNREAD: "?",
    LimitState.REFUSED: "◆",
}


@dataclass(frozen=True, slots=True)
class LimitsState:
    """A rack's limits, or why they are not known."""

    rows: tuple[LimitRow, ...] = ()
    error: str = ""


def draw_limits(tray: str, state: LimitsState | None) -> str:
    """Return the limits of one tray; one of which nothing can be limited says so."""
    head = "<h2>Power limits</h2>"
    if state is None:
        return f'{head}<p class="quiet">Asking the controller …</p>'
    if state.error:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(state.error)}</p>'
    mine = [row for row in state.rows if row.place.startswith(f"{tray}/") or row.place == tray]
    if not mine:
        return f'{head}<p class="quiet">Nothing here has a limit that can be set.</p>'
    held = dict.fromkeys(row.held for row in mine if row.held)
    told = "".join(f'<p class="sev-warning">▲ Not raised: {esc(why)}</p>' for why in held)
    columns = "<tr><th>Part</th><th>Shows</th><th>Wanted</th><th>Allowed</th></tr>"
    rows = "".join(_row(row) for row in mine)
    return f'{head}{told}<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _row(row: LimitRow) -> str:
    wanted = row.wanted
    said = UNKNOWN
    if wanted is not None:
        detail = f'<br><span class="quiet">{esc(wanted.detail)}</span>' if wanted.detail else ""
        said = f"{_GLYPHS[wanted.state]} {wanted.value:g} W {esc(wanted.state)}, {esc(wanted.by)}{detail}"
    bad = wanted is not None and wanted.state in (LimitState.REFUSED, LimitState.REQUESTED)
    shows = _w(row.shows)
    return (
        f'<tr class="{"sev-warning" if bad else ""}"><td>{esc(slot_of(row.place))}</td><td class="n">{shows}</td>'
        f'<td>{said}</td><td class="n">{_w(row.least)} to {_w(row.most)}</td></tr>'
    )


def _w(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:g} W"
