"""The first page of a dossier: the offer, its conditions with what was measured, runs and passports.  Pure."""

from collections.abc import Sequence
from html import escape

import msgspec

from rack_controller.prove.accept.verdict import Outcome
from rack_controller.prove.claim import OriginClaim, words_of
from rack_controller.prove.conditions import ConditionOutcome, PurchaseCondition
from rack_controller.prove.option import DecisionRecord
from rack_controller.prove.report.as_html import FAULTS_TOO, GAPS_TOO, MARKS
from rack_controller.prove.report.page import heads, page, pairs, table
from rack_controller.prove.report.written import NONE, figures, stamp

_OUTCOMES = {
    ConditionOutcome.MET: ("pass", "✓ MET"),
    ConditionOutcome.FAILED: ("fail", "✗ FAILED"),
    ConditionOutcome.OPEN: ("error", "? OPEN"),
}


class RunLine(msgspec.Struct, frozen=True):
    """One acceptance run of a rack of the offer.  `folder` is where it lies in the dossier.

    `fault`: what is not as it was sealed, empty where nothing is; such a run has no verdict and no report.
    `faults_too`: it was not measured in full, and found faults.  `accepts`: a rack that passes its plan is accepted.
    """

    rack: str
    run: str
    level: str
    outcome: Outcome | None
    began_unix_ns: int
    deviations: int
    waived: int
    evidence_sha256: str
    folder: str
    fault: str = ""
    faults_too: bool = False
    accepts: bool = True


class PassportLine(msgspec.Struct, frozen=True):
    """One rack's passport: its claims, its as-accepted state, and where its BOM lies in the dossier."""

    rack: str
    records: int
    claims: list[OriginClaim]
    frozen: str
    frozen_wrong: str
    file: str


def dossier_page(
    record: DecisionRecord, runs: Sequence[RunLine], passports: Sequence[PassportLine], audited: int, as_of: str
) -> str:
    """Return the page."""
    offer = record.offer
    facts = [
        ("Seller", f"{offer.seller.firm} ({', '.join(offer.seller.users)})"),
        ("Buyer", f"{offer.buyer.firm} ({', '.join(offer.buyer.users)})"),
        ("Offered", offer.offered.isoformat()),
        ("To be decided by", offer.decide_by.isoformat()),
        ("Quantity", f"{offer.quantity:,}".replace(",", "\u202f")),
        ("Generation", offer.generation or NONE),
        ("Delivery", offer.delivery.isoformat() if offer.delivery else NONE),
        ("Racks evaluated", str(len(offer.racks))),
    ]
    body = (
        '<div class="head"><div><p class="eyebrow">Dossier of a decision to buy</p>'
        f"<h1>{escape(offer.title)}</h1></div>"
        f'<div class="stamp open">{escape(record.stage.replace("_", " ").upper())}<small>{escape(as_of)}</small></div>'
        f"</div>{pairs(facts)}{_conditions(record.conditions)}{_runs(runs)}{_passports(passports)}{_log(record)}"
        "<h2>What proves it</h2><p>The file <code>.dossier.jsonl</code> beside this page has everything above as data, "
        f"{audited} lines of the audit log, and the SHA-256 of every file of this dossier; its seal is beside it. "
        "<code>rackwright verify</code> on the zip says what was altered, put in or taken out.</p>"
    )
    return page(f"Dossier: {offer.title}", body)


def _conditions(conditions: Sequence[PurchaseCondition]) -> str:
    if not conditions:
        return "<h2>Conditions</h2><p>None were agreed.</p>"
    rows = "".join(_condition(c) for c in conditions)
    columns = (("Condition", ""), ("Measured", "n"), ("From", ""), ("Met on", ""), ("State", ""))
    return f"<h2>Conditions</h2><table>{heads(columns)}<tbody>{rows}</tbody></table>"


def _condition(condition: PurchaseCondition) -> str:
    kind, word = _OUTCOMES[condition.outcome]
    seen = "not known" if condition.last is None else figures(condition.last)
    met = condition.met_on.isoformat() if condition.met_on else NONE
    return (
        f"<tr><td>{escape(str(condition))}</td><td class='n'>{escape(seen)}</td><td>{escape(condition.detail)}</td>"
        f'<td>{met}</td><td><span class="verdict {kind}">{word}</span></td></tr>'
    )


def _runs(runs: Sequence[RunLine]) -> str:
    if not runs:
        return "<h2>Acceptance</h2><p>No run of these racks is kept here.</p>"
    columns = (
        ("Rack", ""),
        ("Run", ""),
        ("Level", ""),
        ("Begun", ""),
        ("Deviations", "n"),
        ("Waived", "n"),
        ("As measured", ""),
    )
    return f"<h2>Acceptance</h2><table>{heads(columns)}<tbody>{''.join(_run(r) for r in runs)}</tbody></table>"


def _run(run: RunLine) -> str:
    mark, word = ("…", "OPEN") if run.outcome is None else MARKS[run.outcome]
    kind = run.outcome or "open"
    if run.faults_too:
        kind, mark, word = "fail", FAULTS_TOO[0], f"{FAULTS_TOO[1]} {GAPS_TOO.upper()}"
    named = f'<a href="{escape(run.folder)}/report.html">{escape(run.run)}</a>'
    if run.fault:
        kind, mark, word, named = "error", "✗", "NOT AS SEALED", f"{escape(run.run)}: {escape(run.fault)}"
    look = "" if run.accepts else '<div class="source">accepts nothing: only some steps of an acceptance</div>'
    return (
        f'<tr><td class="place">{escape(run.rack)}</td><td>{named}'
        f'<div class="source"><code>{escape(run.evidence_sha256) or "not sealed"}</code></div></td>'
        f"<td>{escape(run.level)}</td><td>{escape(stamp(run.began_unix_ns)[:16])}</td>"
        f'<td class="n">{run.deviations}</td><td class="n">{run.waived}</td>'
        f'<td><span class="verdict {kind}">{mark} {word}</span>{look}</td></tr>'
    )


def _despite(passport: PassportLine) -> str:
    if not passport.frozen_wrong:
        return ""
    return f'<div class="source">with parts that do not fit: {escape(passport.frozen_wrong)}</div>'


def _passports(passports: Sequence[PassportLine]) -> str:
    if not passports:
        return "<h2>Passports</h2><p>No as-built records of these racks were handed in.</p>"
    rows = "".join(
        f'<tr><td class="place"><a href="{escape(p.file)}">{escape(p.rack)}</a></td><td class="n">{p.records}</td>'
        f"<td>{'<br>'.join(escape(words_of(c)) for c in p.claims)}</td>"
        f"<td><code>{escape(p.frozen[:16]) or NONE}</code>{_despite(p)}</td></tr>"
        for p in passports
    )
    columns = (("Rack", ""), ("Records", "n"), ("What can be claimed", ""), ("Frozen as", ""))
    return f"<h2>Passports</h2><table>{heads(columns)}<tbody>{rows}</tbody></table>"


def _log(record: DecisionRecord) -> str:
    rows = [
        (stamp(e.unix_ns)[:16], e.actor, e.step.replace("_", " "), e.stage.replace("_", " "), e.said or NONE)
        for e in record.log
    ]
    return f"<h2>What was said</h2>{table(('When', 'Who', 'Said', 'Stage', 'Why'), rows)}"
