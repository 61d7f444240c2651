"""The audit logs as the console shows them: whether each chain holds, its head, its newest records.  Pure."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from datacenter_api.console.wording import esc
from rack_controller.audit_log import AuditStanding
from rack_controller.decide.audit_chain import Verdict
from rack_controller.model.audit import AuditRecord


@dataclass(frozen=True, slots=True)
class AuditSight:
    """One writer's log: how it stands, what its chain came to when it was walked, its newest records, newest first."""

    standing: AuditStanding
    verdict: Verdict
    records: Sequence[AuditRecord]


def draw_audit(sights: Sequence[AuditSight]) -> str:
    """Return every log as a card."""
    return "".join(f'<div class="card">{_log(sight)}</div>' for sight in sights)


def _log(sight: AuditSight) -> str:
    verdict, standing = sight.verdict, sight.standing
    if verdict.breach is None:
        state = f'<p class="sev-ok">● {verdict.records} records, one unbroken chain</p>'
    else:
        state = f'<p class="sev-critical">◆ Broken: {esc(str(verdict.breach))}</p>'
    if standing.waiting:
        state += f'<p class="sev-warning">▲ {standing.waiting} records wait for the disk: {esc(standing.trouble)}</p>'
    head = verdict.last.head if verdict.last is not None else standing.head
    told = "".join(f'<p class="quiet">{esc(text)}</p>' for text in verdict.told)
    columns = "<tr><th>Record</th><th>Time (UTC)</th><th>Who</th><th>What</th><th>Outcome</th></tr>"
    rows = "".join(_row(record) for record in sight.records)
    return (
        f"<h2>{esc(standing.writer)}</h2>{state}"
        f'<p class="quiet">Head: record {head.sequence}, <code>{esc(head.hash)}</code></p>{told}'
        f'<table class="lines"><thead>{columns}</thead><tbody>{rows}</tbody></table>'
    )


def _row(record: AuditRecord) -> str:
    at = datetime.datetime.fromtimestamp(record.unix_ns / 1e9, datetime.UTC)
    where = f" ({esc(record.address)})" if record.address else ""
    detail = f'<br><span class="quiet">{esc(record.detail)}</span>' if record.detail else ""
    return (
        f'<tr><td class="n">{record.sequence}</td><td class="where">{at:%Y-%m-%d %H:%M:%S}</td>'
        f"<td>{esc(record.actor)}{where}</td><td>{esc(record.what)} {esc(record.target)}{detail}</td>"
        f"<td>{esc(record.outcome)}</td></tr>"
    )
