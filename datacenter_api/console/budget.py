"""A rack's power budget as the console shows it: limits against draw, what may be used, who is held and why.  Pure.

Held and granted are told by number, word and shape, never by colour alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from datacenter_api.console.wording import UNKNOWN, esc, slot_of
from firmware_bridge.vocabulary.amounts import power_text
from rack_controller.model.power_hint import JobHint
from rack_controller.model.power_layer import LayerWish
from rack_controller.model.power_view import (
    RESERVE_MEANS,
    BreakerView,
    BudgetGlance,
    HeldView,
    InBandView,
    JobView,
    LimitView,
    PowerCap,
    PowerView,
    RampView,
    UsableView,
)

KINDS = {"rack": "this rack", "graph": "above the rack", "budget": "budget", "cap": "cap for a while", "ramp": "ramp"}
SHED = {"going": "goes off", "off": "is off", "coming": "may come back as soon as there is room"}
ONLY_SHOWN = (
    "Only worked out: nobody is held by it. More than is asked for is granted where a limit has power to spare."
)
MOST_HELD = 24
MOST_CONSTRAINTS = 8
MOST_BREAKERS = 24
LOW_RESERVE = 0.5


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A rack's budget, or why it is not known."""

    view: PowerView | None
    error: str = ""


def draw_budget_line(glance: BudgetGlance | None, href: str) -> str:
    """Return the card on a rack's page."""
    head = f'<h2><a href="{href}">Power budget</a></h2>'
    if glance is None:
        return f'{head}<p class="quiet">No power policy covers this rack.</p>'
    mode = "● armed" if glance.armed else "○ shadow: nothing is written"
    would = "" if glance.armed else "would be "
    held = f"▲ {glance.held} GPUs {would}held" if glance.held else f"● no GPU {would}held"
    short = (
        f'<p class="sev-critical">◆ {power_text(glance.shortfall_w)} short even at the least limits</p>'
        if glance.shortfall_w > 0
        else ""
    )
    if glance.shed:
        short += f'<p class="sev-critical">◆ {glance.shed} tray{"s" if glance.shed > 1 else ""} shed</p>'
    return f"{head}<p>{power_text(glance.usable_w)} may be used · {held} · {mode}</p>{short}"


def draw_head(state: BudgetState | None) -> str:
    """Return the page's first card: shadow or armed, what the rack may use, what is stranded, what is short."""
    head = "<h2>Power budget</h2>"
    if state is None:
        return f'{head}<p class="quiet">Asking the controller …</p>'
    if state.view is None:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(state.error)}</p>'
    view = state.view
    if not view.mode:
        return f'{head}<p class="quiet">{esc(view.why or "No power policy is in force.")}</p>'
    mode = (
        "● armed: limits are written"
        if _written(view)
        else f"○ {esc(view.mode)}: {esc(view.why.removeprefix(f'{view.mode}: '))}"
    )
    by = f", applied by {esc(view.by)}" if view.by else ""
    lines = [f"<p>{mode}. Decided every {view.period_s:g} s in {view.step_ms:.1f} ms{by}.</p>"]
    lines += [_usable(view.usable)] if view.usable is not None else []
    lines += [
        f'<p class="sev-warning">▲ {esc(c.name)} gets {power_text(c.promised_w - c.reduced_w)} of the '
        f"{power_text(c.promised_w)} that it was promised here: not all promises fit.</p>"
        for c in view.claims
        if c.reduced_w > 0
    ]
    lines += [
        f'<p class="sev-critical">◆ {esc(limit.name)}: {power_text(limit.shortfall_w)} short even at the least limits. '
        f"Shed {esc(', '.join(slot_of(t) for t in limit.shed[:8]))}.</p>"
        for limit in view.limits
        if limit.shortfall_w > 0
    ]
    lines += [
        f'<p class="sev-critical">◆ Shed: {esc(slot_of(shed.tray))} {SHED[shed.state]}, by {esc(shed.operation)}; '
        f"{esc(shed.limit)} lacked {power_text(shed.missing_w)}. {esc(shed.why)}</p>"
        for shed in view.shed
    ]
    lines += [_ramp(ramp) for ramp in view.ramps]
    if view.batteries_w > 0:
        lines.append(f"<p>▲ {power_text(view.batteries_w)} of it is for batteries that are not full.</p>")
    if view.stranded_w > 0:
        lines.append(
            f"<p>▲ {power_text(view.stranded_w)} stranded: the rack could use it, {esc(view.stranded_by)} holds it.</p>"
        )
    return head + "".join(lines)


def draw_limits_held(state: BudgetState | None) -> str:
    """Return every limit with what is granted and drawn of it, as bars and in numbers."""
    head = "<h2>Limits</h2>"
    if state is None or state.view is None or not state.view.limits:
        return f'{head}<p class="quiet">None yet.</p>'
    return head + "".join(_limit(limit) for limit in state.view.limits) + _breakers(state.view.breakers)


def draw_claims(state: BudgetState | None) -> str:
    """Return who asks for power here, whoever comes first first, with jobs and caps for a while."""
    head = "<h2>Who asks</h2>"
    if state is None or state.view is None:
        return f'{head}<p class="quiet">Nobody yet.</p>'
    titles = ("Claim", "Priority", "GPUs", "Asks", "Promised", "Granted", "Drawn", "Held by")
    columns = _columns(titles, 1, 7)
    rows = "".join(
        f"<tr><td>{esc(c.name)}{' (in step)' if c.synchronous else ''}</td>"
        f'<td class="n">{c.priority}</td><td class="n">{c.gpus}</td><td class="n">{power_text(c.wanted_w)}</td>'
        f'<td class="n">{power_text(c.promised_w) if c.promised_w else UNKNOWN}</td>'
        f'<td class="n">{power_text(c.granted_w)}</td><td class="n">{power_text(c.drawn_w)}</td>'
        f"<td>{esc(c.held_by) or UNKNOWN}</td></tr>"
        for c in state.view.claims
    )
    table = f'<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>' if rows else ""
    if not _written(state.view):
        head += f'<p class="quiet">{ONLY_SHOWN}</p>'
    return (
        head
        + table
        + _jobs(state.view.jobs, {hint.job: hint for hint in state.view.hints})
        + _caps(state.view.caps)
        + _layers(state.view.layers)
    )


def draw_held(state: BudgetState | None) -> str:
    """Return the GPUs that may draw less than their devices would let them: by which layer, and what frees them."""
    shown = None if state is None else state.view
    held = [] if shown is None else shown.held
    acts = shown is None or _written(shown)
    head = "<h2>Who is held</h2>" if acts else f'<h2>Who would be held</h2><p class="quiet">{ONLY_SHOWN}</p>'
    if not held:
        return f'{head}<p class="quiet">Nobody: each GPU may draw its own default.</p>'
    counts = Counter((h.layer, h.frees) for h in held)
    told = "".join(
        f"<li><b>{count} GPU{'s' if count > 1 else ''}</b> by {esc(layer)}<br>"
        f'<span class="quiet">freed by: {esc(frees)}</span></li>'
        for (layer, frees), count in counts.most_common()
    )
    columns = _columns(("GPU", "May draw", "Of", "Reads", "Draws", "Kept", "Layers"), 1, 5)
    rows = "".join(_held(h) for h in sorted(held, key=lambda h: h.watts - h.default_w)[:MOST_HELD])
    more = len(held) - MOST_HELD
    left = f'<p class="quiet">and {more} more: rackwright power why</p>' if more > 0 else ""
    table = f'<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'
    hosts = [] if shown is None else shown.in_band
    return f'{head}<ul class="told">{told}</ul>{_in_band(hosts)}{table}{left}'


def _ramp(ramp: RampView) -> str:
    """Return how a ramp stands: what may be granted now, the steepest that meters showed, the next pause."""
    armed = "● armed" if ramp.mode == "armed" else "○ shadow"
    rates = f"{ramp.up_w_s / 1e3:g} kW/s up, {ramp.down_w_s / 1e3:g} down"
    said = f"<p>Ramp {esc(ramp.name)} {armed}, {rates}: <b>{power_text(ramp.may_w)}</b> may be granted now."
    if ramp.held_w > 0:
        said += f" ▲ It would hold back {power_text(ramp.held_w)} of what is drawn."
    if ramp.rose_w_s is not None and ramp.fell_w_s is not None:
        over = "▲ " if ramp.rose_w_s > ramp.up_w_s or ramp.fell_w_s > ramp.down_w_s else ""
        said += (
            f" {over}Steepest 5 s of the last minute: {ramp.rose_w_s / 1e3:.1f} kW/s up, "
            f"{ramp.fell_w_s / 1e3:.1f} down."
        )
    if ramp.pauses:
        first = ramp.pauses[0]
        what = f"pauses for {first.for_s:g} s" if first.for_s else "stops"
        said += f" {esc(first.job)} {what} in {first.in_s:.0f} s; {power_text(ramp.rest_w)} then falls at once."
    if ramp.storage_kj:
        said += f" Storage: {ramp.storage_kj:g} kJ, {esc(ramp.storage_from)}."
    return said + "</p>"


def _written(view: PowerView) -> bool:
    """Return whether what is granted is also written: in shadow nobody is held by it."""
    return view.mode == "armed" and not view.why


def _in_band(hosts: Sequence[InBandView]) -> str:
    """Return how many hosts' agents keep grants, and what is wrong with the others."""
    known = [host for host in hosts if host.state != "none"]
    if not known:
        return ""
    kept = sum(host.state == "kept" for host in known)
    mark = "●" if kept == len(hosts) else "▲"
    wrong = "".join(
        f"<br>▲ {esc(slot_of(h.host.rpartition('/')[0]))} {esc(h.state)}: {esc(h.why)}" for h in known if h.why
    )
    return f"<p>{mark} In band: agents of {kept} of {len(hosts)} hosts keep their grants.{wrong}</p>"


def _columns(titles: Sequence[str], first: int, last: int) -> str:
    """Return a head row whose titles from `first` up to `last` stand over numbers."""
    cells = (f'<th class="n">{t}</th>' if first <= n < last else f"<th>{t}</th>" for n, t in enumerate(titles))
    return f"<tr>{''.join(cells)}</tr>"


def _usable(usable: UsableView) -> str:
    after = f" if {esc(usable.lost)} is lost" if usable.lost else ""
    dark = (
        f'<p class="sev-warning">▲ Nothing covers the loss of {esc(", ".join(usable.unprotected))}.</p>'
        if usable.unprotected
        else ""
    )
    facts = (
        ("May be used", f"<b>{power_text(usable.watts)}</b>, bound by {esc(usable.binding)}{after}"),
        ("As it is", power_text(usable.now_w)),
        ("Any supply or shelf lost (n+1)", power_text(usable.n_plus_1_w)),
        ("A whole feed lost (n+n)", power_text(usable.n_plus_n_w)),
        ("Must live through", esc(usable.wanted)),
    )
    rows = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in facts)
    tight = "".join(
        f'<tr><td>{esc(name)}</td><td class="n">{power_text(limit)}</td><td class="n">{power_text(watts)}</td></tr>'
        for name, limit, watts in usable.constraints[:MOST_CONSTRAINTS]
    )
    columns = "<tr><th>Constraint, as it is</th><th>Carries</th><th>Rack may use</th></tr>"
    return (
        f'{dark}<table class="lines"><tbody>{rows}</tbody></table><details><summary>▸ Tightest constraints</summary>'
        f'<table class="lines"><thead>{columns}</thead><tbody>{tight}</tbody></table></details>'
    )


def _limit(limit: LimitView) -> str:
    whole = max(limit.limit_w, limit.charged_w, limit.drawn_w or 0.0, 1.0)
    drawn, granted = (100.0 * (w or 0.0) / whole for w in (limit.drawn_w, limit.charged_w))
    at = 100.0 * limit.limit_w / whole
    over = limit.charged_w > limit.limit_w
    state = "◆ short" if limit.shortfall_w > 0 else "◆ over" if over else "▲ holds" if limit.binds else "● free"
    drawn_class = "over" if (limit.drawn_w or 0.0) > limit.limit_w else "tight" if limit.binds else ""
    words = (
        f"{power_text(limit.drawn_w)} drawn · {power_text(limit.charged_w)} granted · "
        f"{power_text(limit.limit_w)} allowed · {power_text(limit.headroom_w)} left"
    )
    return (
        f'<div class="budget"><b>{esc(limit.name)}</b> <span class="quiet">{KINDS.get(limit.kind, esc(limit.kind))}'
        f" · {esc(limit.by)}</span> <span>{state}</span>"
        f'<div class="bar granted" role="img" aria-label="{esc(words)}">'
        f'<i class="granted" style="width:{granted:.1f}%"></i>'
        f'<i class="{drawn_class}" style="width:{drawn:.1f}%"></i><em style="left:{at:.1f}%"></em></div>'
        f'<span class="quiet">{words}</span></div>'
    )


def _breakers(breakers: Sequence[BreakerView]) -> str:
    """Return the breakers with least reserve: load against what each carries for hours, heat, what is left of it."""
    if not breakers:
        return ""
    columns = _columns(
        ("Breaker", "Carries", "For hours", "Heat, of its trip", "Heat reserve left", "Over its nominal"), 1, 6
    )
    rows = "".join(
        f"<tr><td>{'◆ ' if b.reserve <= 0 else '▲ ' if b.reserve < LOW_RESERVE else '● '}{esc(b.name)}</td>"
        f'<td class="n">{power_text(b.load_w)}</td><td class="n">{power_text(b.nominal_w)}</td>'
        f'<td class="n">{b.heat:.0%}</td><td class="n">{b.reserve:.0%}</td>'
        f'<td class="n">{b.over_s:.0f} s</td></tr>'
        for b in breakers[:MOST_BREAKERS]
    )
    head = f"<details><summary>▸ {len(breakers)} breakers, least heat reserve left "
    head += f'{breakers[0].reserve:.0%}</summary><p class="quiet">{RESERVE_MEANS.capitalize()}.</p>'
    return f'{head}<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table></details>'


def _held(held: HeldView) -> str:
    layers = "; ".join(f"{esc(name)} {power_text(watts)}" for name, watts in held.layers)
    reads = power_text(held.reads_w)
    draws = power_text(held.drawn_w)
    gpu = "/".join(held.place.split("/")[-2:])
    return (
        f'<tr><td>{esc(gpu)}</td><td class="n">{power_text(held.watts)}</td>'
        f'<td class="n">{power_text(held.default_w)}</td>'
        f'<td class="n">{reads}</td><td class="n">{draws}</td>'
        f"<td>{_road(held)}</td><td>{layers}</td></tr>"
    )


def _road(held: HeldView) -> str:
    if not held.until_unix_ns:
        return esc(held.road) or UNKNOWN
    until = datetime.fromtimestamp(held.until_unix_ns / 1e9, UTC).strftime("%H:%M:%S")
    return f"{esc(held.road)} until {until}, then {power_text(held.standing_w or 0.0)}"


def _said(hint: JobHint | None) -> str:
    """Return what somebody said that a job will do."""
    if hint is None:
        return UNKNOWN
    words = [f"starts {_clock(hint.start_unix_ns)}"] if hint.start_unix_ns else []
    words += [f"iterations of {hint.period_s:g} s"] if hint.period_s else []
    words += [f"pauses {_clock(at)} for {takes:g} s" for at, takes in hint.checkpoints[:2]]
    words += [f"and {len(hint.checkpoints) - 2} times more"] if len(hint.checkpoints) > 2 else []
    words += [f"stops {_clock(hint.stop_unix_ns)}"] if hint.stop_unix_ns else []
    return f"{esc(', '.join(words))}; by {esc(hint.by)}"


def _jobs(jobs: Sequence[JobView], hints: Mapping[str, JobHint]) -> str:
    if not jobs:
        return ""
    rows = "".join(
        f"<tr><td>{esc(job.name)}</td><td>{esc(', '.join(job.members))}</td>"
        f'<td class="n">{job.energy_j / 3.6e6:.2f} ± {job.doubt_j / 3.6e6:.2f} kWh</td>'
        f"<td>{_said(hints.get(job.name))}</td><td>{esc(job.by)}</td></tr>"
        for job in jobs
    )
    columns = "<tr><th>Job</th><th>On</th><th>Energy</th><th>Said beforehand</th><th>Begun by</th></tr>"
    return f'<h2>Jobs</h2><table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _layers(layers: Sequence[LayerWish]) -> str:
    if not layers:
        return ""
    rows = "".join(
        f"<tr><td>{esc(wish.target)}</td><td>{esc(wish.words)}</td><td>{esc(wish.by)}</td>"
        f"<td>{_clock(wish.since_unix_ns)}</td></tr>"
        for wish in layers
    )
    columns = "<tr><th>Over</th><th>Layer</th><th>By</th><th>Since</th></tr>"
    return f'<h2>Layers</h2><table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _caps(caps: Sequence[PowerCap]) -> str:
    if not caps:
        return ""
    rows = "".join(
        f'<tr><td>{esc(cap.target)}</td><td class="n">{power_text(cap.watts)}</td><td>{_clock(cap.until_unix_ns)}</td>'
        f"<td>{esc(cap.by)}</td><td>{esc(cap.reason) or UNKNOWN}</td></tr>"
        for cap in caps
    )
    columns = "<tr><th>Cap on</th><th>At most</th><th>Until</th><th>By</th><th>Reason</th></tr>"
    return f'<h2>Caps for a while</h2><table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'


def _clock(unix_ns: int) -> str:
    return f"{datetime.fromtimestamp(unix_ns / 1e9, UTC):%Y-%m-%d %H:%M:%S}Z"
