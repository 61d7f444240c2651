"""A report as one HTML page that stands alone: styles and drawings in it, no script, nothing from elsewhere.  Pure."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.report.model import (
    Deviation,
    DeviationGroup,
    Exhibit,
    MeasureRow,
    PassportSection,
    Report,
    StepSection,
)
from rack_controller.prove.report.page import heads, page, pairs, table
from rack_controller.prove.report.written import plural

MARKS = {
    Outcome.PASS: ("✓", "PASS"),
    Outcome.FAIL: ("✗", "FAIL"),
    Outcome.ERROR: ("!", "NOT MEASURED"),
    Outcome.STOPPED: ("■", "STOPPED"),
    Outcome.UNCOMPARED: ("–", "NOT COMPARED"),
}
"""Shape and word of each verdict: colour comes on top and says nothing of its own."""
FAULTS_TOO = ("✗", "FAULTS FOUND")
"""Of a run that was not measured in full and found faults: `GAPS_TOO` stands below or behind it."""
GAPS_TOO = "and not all was measured"
DECISIONS = ("Accepted", "Accepted with the waivers in this report", "Not accepted")


def as_html(report: Report) -> str:
    """Return the page."""
    body = "".join(
        (
            _head(report),
            _summary(report),
            _passport(report.passport),
            _deviations(report),
            _steps(report.steps),
            _answers(report),
            _photos(report),
            _proof(report),
            _signatures(report),
        )
    )
    return page(f"{report.title}: {report.rack}", body)


def _head(report: Report) -> str:
    kind, large, small = stamp_of(report)
    stamp = f'<div class="stamp {kind}">{large}<small>{small}</small></div>'
    return (
        f'<div class="head"><div><p class="eyebrow">{escape(report.title)}</p><h1>{escape(report.rack)}</h1></div>'
        f'{stamp}</div><p class="said">{escape(report.said)}</p>{pairs(report.identity)}'
    )


def stamp_of(report: Report) -> tuple[str, str, str]:
    """Return the stamp on a report's first page: its kind, which is an outcome or `open`, its heading and its line."""
    if report.measured is None:
        return "open", "OPEN", "the run has not ended"
    if report.faults_too:
        return Outcome.FAIL.value, " ".join(FAULTS_TOO), GAPS_TOO
    return report.measured.value, " ".join(MARKS[report.measured]), "as measured"


def _summary(report: Report) -> str:
    figures = "".join(f"<div><b>{escape(v)}</b><span>{escape(k)}</span></div>" for k, v in report.figures)
    rows = "".join(
        f'<tr class="{s.outcome}"><td class="n">{s.number}</td><td><a href="#step-{escape(s.id)}">{escape(s.title)}</a>'
        f"{'' if s.required else ' <span class=quiet>(not required)</span>'}</td><td>{escape(s.level)}</td>"
        f'<td class="n">{escape(s.took)}</td><td class="n">{sum(m.outcome is not Outcome.PASS for m in s.measures)}'
        f"</td><td>{_verdict(s.outcome)}</td></tr>"
        for s in report.steps
    )
    columns = (("#", "n"), ("Step", ""), ("Level", ""), ("Took", "n"), ("Not passed", "n"), ("Verdict", ""))
    suspects = table(("Part", "Serial number", "What was seen of it"), report.suspects, first="place")
    return (
        f'<div class="figures">{figures}</div>'
        + (f"<h2>Parts to look at first</h2>{suspects}" if report.suspects else "")
        + f'<h2>Verdicts</h2><table class="toc">{heads(columns)}<tbody>{rows}</tbody></table>'
    )


def _passport(section: PassportSection) -> str:
    counts = "".join(f"<div><b>{escape(n)}</b><span>{escape(fit)}</span></div>" for fit, n in section.counts)
    wrong = table(("Fit", "As built", "As found"), section.wrong, first="place") if section.wrong else ""
    more = f'<p class="quiet">and {section.left_out} more</p>' if section.left_out else ""
    claims = "".join(
        f'<tr><td>{escape(c.title)}<div class="source">rule {escape(c.rule)}: {escape(c.source)}</div></td>'
        f'<td class="n">{escape(c.claim)}</td><td class="n">{escape(c.asked)}</td><td class="place">'
        f'{escape(c.verdict)}</td><td class="source">{escape(c.reasons)}</td></tr>'
        for c in section.claims
    )
    columns = (
        ("Claim of origin", ""),
        ("Bounds", "n"),
        ("Asked", "n"),
        ("Verdict", ""),
        ("Where the bounds come from", ""),
    )
    claimed = (
        f'<table>{heads(columns)}<tbody>{claims}</tbody></table><p class="quiet">A claim is arithmetic under the rule '
        "named. It is no statement of law.</p>"
        if claims
        else ""
    )
    swaps = "".join(f"<li>{escape(s)}</li>" for s in section.swaps)
    return (
        f"<h2>Passport</h2><p>{escape(section.said)}</p>"
        + (f'<div class="figures">{counts}</div>' if counts else "")
        + wrong
        + more
        + claimed
        + (f"<p>Parts that were swapped:</p><ul>{swaps}</ul>" if swaps else "")
    )


def _deviations(report: Report) -> str:
    if not report.deviations:
        return "<h2>Deviations and waivers</h2><p>None.</p>"
    columns = (
        ("Part", ""),
        ("Serial number", ""),
        ("What was seen", ""),
        ("Value", "n"),
        ("Limit", "n"),
        ("Confidence", "n"),
    )
    waivers = (
        "<p>Waivers leave the measured verdict as it is.</p>"
        + table(("When", "Who", "What is waived", "Reason"), report.waivers)
        if report.waivers
        else "<p>Nothing was waived.</p>"
    )
    groups = "".join(_group(g) for g in report.deviations)
    return f"<h2>Deviations and waivers</h2>{waivers}<table>{heads(columns)}<tbody>{groups}</tbody></table>"


def _group(group: DeviationGroup) -> str:
    rows = "".join(_deviation(d) for d in group.rows)
    count = f" <span class=quiet>{plural(len(group.rows), 'part')}</span>" if len(group.rows) > 1 else ""
    return (
        f'<tr class="group"><td colspan="6"><b>{escape(group.title)}</b>{count}<div class="source">'
        f"<code>{escape(group.step)} {escape(group.measure)}</code> · {escape(group.source)}</div></td></tr>{rows}"
    )


def _deviation(d: Deviation) -> str:
    waived = f'<div class="waived">waived by {escape(d.waived)}</div>' if d.waived else ""
    return (
        f'<tr class="{"error" if d.error else "fail"}"><td class="place">{escape(d.place)}</td><td>{escape(d.serial)}'
        f'</td><td>{escape(d.text)}{waived}</td><td class="n">{escape(d.value)}</td><td class="n">{escape(d.limit)}'
        f'</td><td class="n">{"not measured" if d.error else escape(d.confidence)}</td></tr>'
    )


def _steps(steps: Sequence[StepSection]) -> str:
    return "<h2>Steps</h2>" + "".join(_step(s) for s in steps)


def _step(step: StepSection) -> str:
    facts = [step.level, step.took, *([f"done {step.tries} times"] if step.tries > 1 else [])]
    facts += [] if step.required else ["not required"]
    why = f'<p class="{step.outcome}">{escape(step.why)}</p>' if step.why else ""
    out = f"<p><b>Take out:</b> {escape(', '.join(step.parts_out))}</p>" if step.parts_out else ""
    again = (
        f'<p class="quiet">Seen once, not when the step was repeated: {escape("; ".join(step.not_again[:6]))}</p>'
        if step.not_again
        else ""
    )
    columns = (
        ("Measure", ""),
        ("Judged", "n"),
        ("Part nearest to the limit", ""),
        ("Value", "n"),
        ("Limit", "n"),
        ("Verdict", ""),
    )
    rows = "".join(_measure(m) for m in step.measures)
    return (
        f'<h3 id="step-{escape(step.id)}">{step.number}. {escape(step.title)}<small>{escape(", ".join(facts))}</small>'
        f"{_verdict(step.outcome)}</h3>{why}{out}{again}<table>{heads(columns)}<tbody>{rows}</tbody></table>"
        f"{''.join(_exhibit(e) for e in step.exhibits)}"
    )


def _measure(m: MeasureRow) -> str:
    return (
        f'<tr class="{m.outcome}"><td>{escape(m.title)}<div class="source">{escape(m.source)}</div></td>'
        f'<td class="n">{escape(m.judged)}</td><td class="place">{escape(m.place)}</td><td class="n">{escape(m.value)}'
        f'</td><td class="n">{escape(m.limit)}</td><td>{_verdict(m.outcome)}</td></tr>'
    )


def _exhibit(exhibit: Exhibit) -> str:
    return f"<figure>{exhibit.svg}<figcaption>{escape(exhibit.caption)}</figcaption></figure>"


def _answers(report: Report) -> str:
    if not report.answers:
        return ""
    columns = ("When", "Who", "Step", "What was handed in", "SHA-256 of the photo")
    return f"<h2>What people handed in</h2>{table(columns, report.answers, last='code')}"


def _photos(report: Report) -> str:
    if not report.photos and not report.photos_left_out:
        return ""
    figures = "".join(
        f'<figure><img src="data:{escape(p.kind)};base64,{b64encode(p.content).decode()}" alt="{escape(p.caption)}">'
        f"<figcaption>{escape(p.caption)}</figcaption></figure>"
        for p in report.photos
    )
    gone = "".join(f'<p class="error">{escape(text)}</p>' for text in report.photos_left_out)
    return f'<h2>Photos</h2><div class="photos">{figures}</div>{gone}'


def _proof(report: Report) -> str:
    hashes = "".join(f"<tr><td>{escape(n)}</td><td><code>{escape(h)}</code></td></tr>" for n, h in report.hashes)
    return (
        f"<h2>What proves it</h2>{pairs(report.provenance)}"
        f"<p>{plural(len(report.hashes), 'file')} of this run. <code>rackwright verify</code> on the evidence "
        "tells what was altered, reordered or cut.</p>"
        f"<table>{heads((('File', ''), ('SHA-256', '')))}<tbody>{hashes}</tbody></table>"
    )


def _signatures(report: Report) -> str:
    boxes = "".join(f"<span><i></i>{escape(d)}</span>" for d in DECISIONS)
    lines = "".join(
        f"<div><b>{escape(who)}</b><span>Name and role</span><span>Date</span><span>Signature</span></div>"
        for who in report.signatures
    )
    return (
        f'<h2>Decision</h2><div class="boxes">{boxes}</div><div class="signatures">{lines}</div>'
        f'<p class="quiet">As of {escape(report.as_of)}.</p>'
    )


def _verdict(outcome: Outcome) -> str:
    mark, word = MARKS[outcome]
    return f'<span class="verdict {outcome}">{mark} {word}</span>'
