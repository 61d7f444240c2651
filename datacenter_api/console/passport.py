"""A rack's passport as the console shows it: claims as bars with bounds, what does not fit, parts, swaps.  Pure.

No price is ever drawn, whoever looks.
"""

import datetime
from collections.abc import Sequence

from datacenter_api.console.wording import UNKNOWN, esc, plural
from datacenter_api.passports.reports import FrozenRow, MatchReport, PartRow, Passport, PassportRow
from rack_controller.prove.claim import ClaimVerdict, OriginClaim
from rack_controller.prove.fit import WRONG, Mismatch, Side

MOST_SHOWN = 200
_VERDICTS = {
    ClaimVerdict.MET: ("●", "ok", "met"),
    ClaimVerdict.NOT_MET: ("◆", "critical", "not met"),
    ClaimVerdict.UNDECIDED: ("?", "warning", "undecided"),
}


def draw_claims(claims: Sequence[OriginClaim]) -> str:
    """Return every claim with its bounds: what is proven is filled, what is unknown is hatched, the tick is asked."""
    return (
        f"<h2>What can be claimed</h2>{''.join(_claim(c) for c in claims)}"
        '<p class="quiet">A claim is arithmetic under the rule named. It is no statement of law.</p>'
    )


def draw_match(report: MatchReport) -> str:
    """Return what is found beside what was built."""
    counted = " · ".join(f"{n} {fit.replace('_', ' ')}" for fit, n in report.counts.items() if n) or "nothing yet"
    state = "sev-critical" if report.wrong else "sev-ok"
    glyph = "◆" if report.wrong else "●"
    unread = (
        f'<p class="sev-warning">? {plural(len(report.unread), "tray")} not read in full yet</p>'
        if report.unread
        else ""
    )
    swaps = f'<p class="sev-warning">? {esc(report.swaps)}</p>' if report.swaps else ""
    return (
        f'<h2>Found beside built</h2><p class="{state}">{glyph} {esc(counted)}</p>{unread}{swaps}'
        f"{_findings([*report.findings, *report.uncompared])}"
    )


def draw_parts(passport: Passport) -> str:
    """Return the first parts with the steps that made them."""
    rows = "".join(_part(p) for p in passport.parts[:MOST_SHOWN])
    heads = "".join(f"<th>{h}</th>" for h in ("Place", "Kind", "Part", "Serial number", "Lot", "Made"))
    return (
        f"<h2>Parts <b>{passport.rows}</b></h2>"
        f'<div class="scroll" tabindex="0" aria-label="parts"><table class="lines"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{_more(passport.rows, 'part')}"
    )


def draw_accepted(passport: Passport) -> str:
    """Return as-accepted states and swaps, the newest first."""
    frozen = "".join(_frozen(f) for f in passport.frozen) or '<p class="quiet">Not accepted yet</p>'
    swaps = "".join(
        f"<p>{_day(s.unix_ns)} {esc(_short(s.place))}: {esc(s.old or UNKNOWN)} → <b>{esc(s.new)}</b> "
        f'<span class="quiet">{esc(s.why)}</span></p>'
        for s in reversed(passport.swaps)
    )
    return f"<h2>As accepted</h2>{frozen}<h2>Swaps</h2>{swaps or '<p class=quiet>None</p>'}"


def draw_passports(rows: Sequence[PassportRow]) -> str:
    """Return every rack that has a passport."""
    body = "".join(
        f'<tr><td><a href="/console/passport/{esc(r.rack)}">{esc(r.rack)}</a>{_unreadable(r)}</td>'
        f'<td class="n">{UNKNOWN if r.unreadable else r.rows}</td>'
        f'<td class="n">{r.swaps}</td><td><code>{esc(r.frozen[:12]) or UNKNOWN}</code></td></tr>'
        for r in rows
    )
    if not body:
        return (
            "<h2>Passports</h2><p class=quiet>No as-built records yet: <code>rackwright passport import FILE</code></p>"
        )
    heads = '<th>Rack</th><th class="n">Records</th><th class="n">Swaps</th><th>Accepted</th>'
    return f'<h2>Passports</h2><table class="lines"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _unreadable(row: PassportRow) -> str:
    return f'<br><span class="sev-warning">▲ {esc(row.unreadable)}</span>' if row.unreadable else ""


def _claim(claim: OriginClaim) -> str:
    glyph, state, word = _VERDICTS[claim.verdict]
    if claim.lower_percent is None or claim.upper_percent is None:
        told = f"<b>{esc(claim.country)}</b>"
        counted = " · ".join(f"{n} {esc(c)}" for c, n in claim.by_country.items())
        bar = f'<p class="quiet">{counted}</p>'
    else:
        told = f"<b>{claim.lower_percent:.2f} to {claim.upper_percent:.2f} %</b>"
        bar = _bar(claim.lower_percent, claim.upper_percent, claim.more_than_percent)
    asked = "" if claim.more_than_percent is None else f", more than {claim.more_than_percent:g} % asked"
    when = "" if claim.delivery is None else f" at delivery on {claim.delivery.isoformat()}"
    why = "".join(f"<li>{esc(text)}</li>" for text in claim.reasons)
    leaves = "; ".join(claim.leaves_out)
    return (
        f'<div class="claim"><p><span class="sev-{state}">{glyph} {word}</span> {esc(claim.title)}: '
        f"{told}{asked}{when}</p>"
        f'{bar}<ul class="quiet">{why}<li>rule <code>{esc(claim.rule)}</code>: {esc(claim.source)}</li>'
        f"<li>not looked at: {esc(leaves) or UNKNOWN}</li></ul></div>"
    )


def _bar(lower: float, upper: float, asked: float | None) -> str:
    tick = "" if asked is None else f'<line x1="{asked}" x2="{asked}" y1="0" y2="10" class="asked"/>'
    text = f"proven {lower:.2f} %, possible {upper:.2f} %" + ("" if asked is None else f", asked {asked:g} %")
    return (
        f'<svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{text}">'
        '<rect width="100" height="10" class="all"/>'
        f'<rect x="{lower}" width="{max(0.0, upper - lower)}" height="10" class="unsure"/>'
        f'<rect width="{lower}" height="10" class="proven"/>{tick}</svg>'
    )


def _findings(findings: Sequence[Mismatch]) -> str:
    """Return the first parts that do not fit, or that nobody could compare, as a table; nothing where all do."""
    if not findings:
        return ""
    rows = "".join(_finding(f) for f in findings[:MOST_SHOWN])
    return (
        '<table class="lines"><thead><tr><th>Fit</th><th>Built</th><th>Found</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{_more(len(findings), 'finding')}"
    )


def _finding(finding: Mismatch) -> str:
    kind = "sev-critical" if finding.fit in WRONG else "sev-warning"
    return (
        f'<tr><td class="{kind}">{esc(finding.fit.replace("_", " "))}</td>'
        f"<td>{_side(finding.built)}</td><td>{_side(finding.found)}</td></tr>"
    )


def _side(side: Side | None) -> str:
    if side is None:
        return UNKNOWN
    return f"{esc(_short(side.place))}: {esc(side.part or '?')} <b>{esc(side.serial or 'no serial number')}</b>"


def _part(part: PartRow) -> str:
    steps = ", ".join(f"{s['process']} {s.get('place', '?')} ({s.get('evidence', '?')})" for s in part.steps)
    cells = (_short(part.place), part.kind, part.part, part.serial, part.lot, steps)
    return f"<tr>{''.join(f'<td>{esc(cell or UNKNOWN)}</td>' for cell in cells)}</tr>"


def _frozen(row: FrozenRow) -> str:
    wrong = f'<span class="sev-warning">▲ kept so: {esc(row.wrong_words)}</span><br>' if row.wrong else ""
    return (
        f"<p>{_day(row.unix_ns)} by {esc(row.actor)}: <code>{esc(row.sha256)}</code><br>{wrong}"
        f'<span class="quiet">{row.rows} records, {row.wrong} did not fit, {row.unread} nobody could look at</span></p>'
        f"{_findings(row.findings)}"
    )


def _short(place: str) -> str:
    return "/".join(place.split("/")[3:])


def _day(unix_ns: int) -> str:
    return f"{datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC):%Y-%m-%d %H:%M}"


def _more(count: int, what: str) -> str:
    left = count - MOST_SHOWN
    return f'<p class="quiet">and {plural(left, f"more {what}")}: see `rackwright passport`</p>' if left > 0 else ""
