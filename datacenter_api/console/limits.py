"""What can be set of a tray: what each part shows and is wanted to keep, by whom, and why it is not changed.  Pure."""

from dataclasses import dataclass

from datacenter_api.console.wording import UNKNOWN, esc, slot_of
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
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
    """A rack's power limits and coolant targets, or why they are not known."""

    rows: tuple[LimitRow, ...] = ()
    error: str = ""


def draw_limits(tray: str, state: LimitsState | None) -> str:
    """Return what can be set of one tray; one of which nothing can says so."""
    mine = [] if state is None else [r for r in state.rows if r.place.startswith(f"{tray}/") or r.place == tray]
    coolant = any(row.quantity is not Quantity.POWER_LIMIT for row in mine)
    head = f"<h2>{'Coolant targets' if coolant else 'Power limits'}</h2>"
    if state is None:
        return f'{head}<p class="quiet">Asking the controller …</p>'
    if state.error:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(state.error)}</p>'
    if not mine:
        return f'{head}<p class="quiet">Nothing here has a limit that can be set.</p>'
    held = dict.fromkeys(row.held for row in mine if row.held)
    what = "Not turned down" if coolant else "Not raised"
    told = "".join(f'<p class="sev-warning">▲ {what}: {esc(why)}</p>' for why in held)
    columns = "<tr><th>Part</th><th>Shows</th><th>Wanted</th><th>Allowed</th></tr>"
    rows = "".join(_row(row) for row in mine)
    return f'{head}{told}<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _row(row: LimitRow) -> str:
    wanted, unit = row.wanted, SPECS[row.quantity].unit
    said = UNKNOWN
    if wanted is not None:
        detail = f'<br><span class="quiet">{esc(wanted.detail)}</span>' if wanted.detail else ""
        said = f"{_GLYPHS[wanted.state]} {wanted.value:g} {unit} {esc(wanted.state)}, {esc(wanted.by)}{detail}"
    bad = wanted is not None and wanted.state in (LimitState.REFUSED, LimitState.REQUESTED)
    shows = _valued(row.shows, unit)
    return (
        f'<tr class="{"sev-warning" if bad else ""}"><td>{esc(slot_of(row.place))}</td><td class="n">{shows}</td>'
        f'<td>{said}</td><td class="n">{_valued(row.least, unit)} to {_valued(row.most, unit)}</td></tr>'
    )


def _valued(value: float | None, unit: str) -> str:
    return UNKNOWN if value is None else f"{value:g} {unit}"
