"""Acceptance runs as the console shows them: the list, and one with its steps, what it asks and found.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from datacenter_api.acceptance.beside import RackBeside
from datacenter_api.acceptance.doing import how_far, waiting
from datacenter_api.acceptance.shown import PlannedStep, RunRow, RunView
from datacenter_api.console.found import draw_suspects, draw_waived
from datacenter_api.console.wording import UNKNOWN, esc, plural
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.acceptance.progress import Answer, Progress
from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.report.as_pdf import can_print
from rack_controller.prove.report.written import stamp

OUTCOMES = {
    Outcome.PASS: ("ok", "✓ pass"),
    Outcome.FAIL: ("critical", "✗ fail"),
    Outcome.ERROR: ("warning", "! not measured"),
    Outcome.STOPPED: ("critical", "■ stopped"),
    Outcome.UNCOMPARED: ("warning", "– not compared"),
}
FAULTS_TOO = ("critical", "✗ faults found, and not all was measured")


@dataclass(frozen=True, slots=True)
class RunsSight:
    """Every run, or why they are not known."""

    rows: tuple[RunRow, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunSight:
    """One run, or why it is not known."""

    view: RunView | None
    error: str = ""


def run_href(run: str) -> str:
    """Return the address of a run's page."""
    return esc(f"/console/acceptance/{quote(run)}")


def floor_href(run: str) -> str:
    """Return the address of a run's screen on the test floor."""
    return esc(f"/console/test-floor/{quote(run)}")


def draw_runs(sight: RunsSight | None) -> str:
    """Return the list of runs, the newest first."""
    head = "<h2>Acceptance runs</h2>"
    if sight is None:
        return f'{head}<p class="quiet">Reading …</p>'
    if sight.error:
        return f'{head}<p class="sev-warning">▲ Not known: {esc(sight.error)}</p>'
    if not sight.rows:
        return (
            f'{head}<p class="quiet">None yet. Begin one of a rack that runs below, or by '
            "<code>rackwright accept run --rack RACK</code>; <code>rackwright accept run GENERATION --virtual</code> "
            "begins one of a virtual rack.</p>"
        )
    heads = ("Run", "Rack", "Begun", "State", "Found", "Does now")
    columns = "".join(f"<th>{h}</th>" for h in heads)
    rows = "".join(_run(row) for row in sight.rows)
    table = f'<table class="lines runs"><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>'
    return f'{head}<div class="sideways">{table}</div>'


def draw_run(sight: RunSight | None, run: str) -> str:
    """Return one run: verdict so far, what is asked, progress, steps, parts to look at, what was handed in."""
    if sight is None:
        return f'<div class="card"><h2>{esc(run)}</h2><p class="quiet">Reading …</p></div>'
    if sight.view is None:
        return f'<div class="card" data-over><h2>{esc(run)}</h2><p class="sev-warning">▲ {esc(sight.error)}</p></div>'
    view = sight.view
    over = view.record.outcome is not None
    stands = " data-over" if over else " data-cut" if not view.running else ""
    return (
        f'<div class="card"{stands}>{_head(view)}{_now(view)}'
        f"{_beside(view.beside)}</div>"
        f'<div class="accfloor"><div class="card"><h2>Steps</h2>{_steps(view.steps, view.now, over=over)}</div>'
        f'<div class="beside">{_card(draw_suspects(view))}{_card(_handed(view) + draw_waived(view))}</div></div>'
    )


def _card(content: str) -> str:
    return f'<div class="card">{content}</div>' if content else ""


def pill(outcome: Outcome | None, running: bool, *, faults_too: bool = False) -> str:
    """Return how a run or a step stands, by shape and word; `faults_too`: it also found faults."""
    if outcome is Outcome.ERROR and faults_too:
        colour, word = FAULTS_TOO
    elif outcome is not None:
        colour, word = OUTCOMES[outcome]
    else:
        colour, word = ("ok", "▶ running") if running else ("warning", "▮▮ not running")
    return f'<span class="pill {colour}">{word}</span>'


def _run(row: RunRow) -> str:
    if row.unreadable:
        return f'<tr><td>{esc(row.id)}</td><td colspan="5" class="sev-warning">▲ {esc(row.unreadable)}</td></tr>'
    now = row.now
    does = UNKNOWN if now is None else f"{esc(now.title)}{_bar(now.share)}"
    asks = f'<b class="sev-warning">☞ {esc(now.asks)}</b>' if now is not None and now.asks else ""
    found = plural(row.deviations, "deviation") if row.deviations else UNKNOWN
    waived = f", {row.waived} waived" if row.waived else ""
    rack, rig = esc(leaf_of(Place(row.rack))), " rack" if row.rig == "virtual" else ""
    others = ", ".join(leaf_of(Place(other)) for run, other in row.together.items() if run != row.id)
    rig = f' <span class="quiet">with {esc(others)}</span>' if others else rig
    return (
        f'<tr><td class="where"><a href="{run_href(row.id)}">{esc(row.id)}</a></td><td>{rack}{rig}'
        f'<div class="quiet">{esc(row.generation)} · {esc(row.level)}</div></td>'
        f'<td class="where">{stamp(row.began_unix_ns)[:16]}</td>'
        f"<td>{_stands(row, row.outcome, faults_too=row.faults_too)}</td>"
        f"<td{_none(found)}>{found}{waived}</td><td{_none(does)}>{does}{asks}</td></tr>"
    )


def _stands(of: RunRow | RunView, outcome: Outcome | None, *, faults_too: bool) -> str:
    """Return how a run stands; of one that was altered, or of which nobody can tell whether it was, that, and what
    stands there now without the colour of it."""
    if of.altered:
        sealed = f'<span class="pill critical" title="{esc(of.altered)}">◆ altered since sealed</span>'
    elif of.unproven:
        sealed = f'<span class="pill" title="{esc(of.unproven)}">? seal not known</span>'
    else:
        return pill(outcome, of.running, faults_too=faults_too)
    return f'{sealed}<div class="quiet">says {esc(str(outcome or "not ended"))}</div>'


def _none(cell: str) -> str:
    """Return the class of a cell that says nothing: a phone leaves it out."""
    return ' class="none"' if cell == UNKNOWN else ""


def _pdf(report: str) -> str:
    """Return the link to the PDF, or what is missing for one: a link that is refused helps nobody."""
    if can_print():
        return f'<a class="chip" href="{report}report.pdf" target="_blank" rel="noopener">PDF to sign</a>'
    why = "A PDF to sign needs pip install 'rackwright[report]' where the API runs; the report itself can be printed."
    return f'<span class="chip quiet" title="{esc(why)}">No PDF: install rackwright[report]</span>'


def _head(view: RunView) -> str:
    record = view.record
    name = quote(record.id)
    report = f"/api/v1/acceptance/runs/{name}/"
    links = (
        f'<a class="chip" href="{report}report.html" target="_blank" rel="noopener">Report</a> '
        f"{_pdf(report)} "
        f'<a class="chip" href="{report}evidence.zip">Evidence (zip)</a> '
        f'<a class="chip" href="{floor_href(record.id)}">Test-floor screen</a>'
    )
    by = f" by {esc(view.asked.actor)}" if view.asked else ""
    rig = "a virtual rack" if record.rig == "virtual" else "a rack that runs"
    planted = f" · planted: <code>{esc(record.planted)}</code>" if record.planted else ""
    stands = _stands(view, record.outcome, faults_too=record.faults_too)
    seal = (
        f'<p class="sev-critical">◆ {esc(view.altered)}: see <code>rackwright verify</code></p>' if view.altered else ""
    )
    seal = seal or (f'<p class="quiet">? {esc(view.unproven)}</p>' if view.unproven else "")
    return (
        f'<div class="acchead"><div><h3>{esc(record.rack)} {stands}</h3>'
        f'<p class="quiet">{esc(record.generation)} · {esc(record.plan)} up to {esc(record.level)} · on {rig} · begun '
        f"{stamp(record.began_unix_ns)}{by}{planted}</p>{seal}</div><p>{links}</p></div>"
    )


def _now(view: RunView) -> str:
    if view.trouble:
        live = view.record.rig == "live"
        has, virtual = ("It has its rack until it ends. ", "") if live else ("", " --virtual")
        return (
            f'<p class="sev-warning">▲ The run\'s process ended before the run did: {esc(view.trouble)}</p>'
            f"<p>{has}Who may begin runs goes on with it below, or by <code>rackwright accept run --resume "
            f"{esc(view.record.id)}{virtual}</code>.</p>"
        )
    why = f'<p class="sev-critical">{esc(view.record.why)}</p>' if view.record.why else ""
    stop = view.stop
    asked = (
        f'<p class="sev-warning">▲ {esc(stop.actor)} wants it to end: {esc(stop.reason) or "no reason"}</p>'
        if stop is not None and view.record.outcome is None
        else ""
    )
    now = view.now
    if now is None:
        return why + asked
    far = how_far(now)
    asks = f'<p class="asks"><span aria-hidden="true">☞</span> {esc(_sentence(now.asks))}</p>' if now.asks else ""
    return (
        f"{asks}{asked}{_bar(now.share)}<p><b>{esc(now.title)}</b>{esc(waiting(now))}</p>"
        + f'<p class="quiet">{esc(far)}</p>' * bool(far)
        + why
    )


def _beside(racks: Sequence[RackBeside]) -> str:
    """Return the racks that are accepted together with this one: how each stands, and what is asked there."""
    return "".join(f"<p>Together with {_other(rack)}</p>" for rack in racks)


def _other(beside: RackBeside) -> str:
    link = f'<a href="{run_href(beside.run)}">{esc(beside.rack)}</a>'
    if beside.unreadable:
        return f'{link} <span class="sev-warning">▲ {esc(beside.unreadable)}</span>'
    failed = Outcome.FAIL in beside.steps.values()
    ended = f" {pill(beside.outcome, running=False, faults_too=failed)}" if beside.outcome is not None else ""
    steps = ", ".join(f"{esc(name)} {OUTCOMES[outcome][1]}" for name, outcome in beside.steps.items())
    asks = f' · <b class="sev-warning">☞ {esc(beside.asks)}</b>' if beside.asks else ""
    return f"{link}{ended} · {steps or 'no step yet'}{asks}"


def _bar(share: float) -> str:
    width = 100 * min(max(share, 0.0), 1.0)
    return f'<div class="bar" role="img" aria-label="{width:.0f} % done"><i style="width:{width:.1f}%"></i></div>'


def _steps(steps: Sequence[PlannedStep], now: Progress | None, *, over: bool = False) -> str:
    """Return the plan's steps; `over`: the run has ended, and what it has not done it never will."""
    rows = []
    for number, step in enumerate(steps, 1):
        if step.outcome is not None:
            colour, word = OUTCOMES[step.outcome]
        elif now is not None and now.step == step.id:
            colour, word = "", "▶ now"
        else:
            colour, word = "", "○ not done" if over else "○ to come"
        found = plural(step.found, "finding") if step.found else ""
        people = (
            f'<div class="quiet">☞ {esc(step.people)}</div>'
            if step.people and step.outcome is None and not over
            else ""
        )
        optional = "" if step.required else ' <span class="quiet">(not required)</span>'
        rows.append(
            f'<tr class="{"here" if word.startswith("▶") else ""}"><td class="n">{number}</td><td>{esc(step.title)}'
            f"{optional}{people}</td><td>{esc(step.level)}</td>"
            f'<td class="{f"sev-{colour}" if colour else ""}">{word}</td>'
            f"<td>{found}</td></tr>"
        )
    heads = "".join(f"<th>{h}</th>" for h in ("", "Step", "Level", "Verdict", ""))
    return f'<table class="lines steps"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _handed(view: RunView) -> str:
    if not view.answers:
        return "<h2>Handed in</h2><p class=quiet>Nothing yet.</p>"
    run = quote(view.record.id)
    items = "".join(_answer(run, a) for a in reversed(view.answers[-20:]))
    return f'<h2>Handed in</h2><ul class="handed">{items}</ul>'


def _answer(run: str, answer: Answer) -> str:
    words = [f"scanned {answer.barcode}"] if answer.barcode else []
    words += [answer.note.rstrip(".")] if answer.note else []
    words += ["done"] if answer.done else []
    picture = ""
    if answer.photo:
        at = esc(f"/api/v1/acceptance/runs/{run}/photos/{quote(answer.photo)}")
        picture = (
            f'<a href="{at}" target="_blank" rel="noopener"><img src="{at}" alt="photo of {esc(answer.step)}" '
            f'loading="lazy"></a><code>{answer.photo_sha256[:16]}</code>'
        )
    said = esc("; ".join(words)) or "a photo"
    return (
        f"<li>{picture}<span>{stamp(answer.at_unix_ns)[11:19]} <b>{esc(answer.actor)}</b> · {esc(answer.step)}<br>"
        f"{said}</span></li>"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
