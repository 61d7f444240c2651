"""The audit logs on the console: whether a chain holds, its head and its records, text escaped."""

from pathlib import Path

from support.api import Api

from datacenter_api.console.audit import draw_audit
from datacenter_api.console.audit_page import read_logs

HOSTILE = '"><script>alert(1)</script>'


def test_a_log_shows_its_head_its_records_and_what_is_broken(api: Api, state: Path) -> None:
    store = api.services.store
    store.audit(HOSTILE, "::1", "login", HOSTILE, "refused", HOSTILE)
    drawn = draw_audit(read_logs(api.services))
    assert "● " in drawn
    assert "one unbroken chain" in drawn
    assert store.standing.head.hash in drawn
    assert HOSTILE not in drawn
    assert "&lt;script&gt;" in drawn
    file = state / "audit" / "api.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"outcome":"refused"', b'"outcome":"ok"'))
    drawn = draw_audit(read_logs(api.services))
    assert "◆ Broken: record" in drawn
    assert "its hash does not fit its content" in drawn
