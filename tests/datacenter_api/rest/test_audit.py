"""The audit logs over REST and in the metrics: records with their hashes, heads, and lines of before the chain."""

import sqlite3
from pathlib import Path

from support.api import Api

from rack_controller.audit_log import AuditLog
from rack_controller.decide.audit_chain import judge_chain, lines_of
from rack_controller.model.audit import Deed

V1 = "/api/v1"


def said_before(state: Path, count: int) -> None:
    """Leave what a version without a chain left."""
    with sqlite3.connect(state / "accounts.db") as database:
        for n in range(count):
            database.execute(
                "INSERT INTO audit (unix_ns, actor, address, what, target, outcome, detail) VALUES (?,?,?,?,?,?,?)",
                (n, "ann", "::1", "login", "ann", "ok", ""),
            )


async def test_records_come_with_their_hashes_and_the_head_is_the_newest(api: Api, state: Path) -> None:
    AuditLog(state / "audit", "controller").write(Deed(1, "ada", "bus", "command power", "u12", "accepted"))
    async with api.client() as client:
        api.services.store.audit("ann", "::1", "login", "ann", "ok")
        rows = (await client.get(f"{V1}/audit", params={"limit": 100})).json()
        assert (rows[0]["what"], rows[0]["chained"]) == ("login", True)
        assert rows[0]["previous"] == rows[1]["hash"]
        heads = {h["writer"]: h for h in (await client.get(f"{V1}/audit/heads")).json()}
        newest = (await client.get(f"{V1}/audit", params={"limit": 1})).json()[0]
        assert (heads["api"]["sequence"], heads["api"]["hash"]) == (newest["sequence"], newest["hash"])
        assert (heads["controller"]["sequence"], heads["controller"]["waiting"]) == (2, None)
        theirs = (await client.get(f"{V1}/audit", params={"writer": "controller"})).json()
        assert [row["what"] for row in theirs] == ["command power", "audit.begin"]
        metrics = (await client.get("/metrics")).text
        assert f'rackwright_audit_records_total{{writer="api"}} {newest["sequence"]}' in metrics
        assert f'sequence="{newest["sequence"]}",hash="{newest["hash"]}"}} 1' in metrics
        assert 'rackwright_audit_waiting{writer="api"} 0' in metrics
        assert 'rackwright_audit_waiting{writer="controller"}' not in metrics


async def test_a_writer_that_is_none_is_told_and_no_path_reaches_a_file(api: Api) -> None:
    async with api.client() as client:
        for wrong in ("nobody", "../accounts", "*"):
            answer = await client.get(f"{V1}/audit", params={"writer": wrong})
            assert answer.status_code == 404
            assert "one of: api" in answer.text


def test_lines_of_before_the_chain_are_shown_as_such_and_sealed_by_the_first_record(tmp_path: Path) -> None:
    Api(tmp_path).services.store.close()
    for file in (tmp_path / "audit").iterdir():
        file.unlink()
    said_before(tmp_path, 3)
    store = Api(tmp_path).services.store
    rows = store.audited(100)
    assert [(row["id"], row["chained"]) for row in rows] == [(4, True), (3, False), (2, False), (1, False)]
    assert str(rows[0]["detail"]).startswith("3 lines before the chain, sha256 ")
    content = (tmp_path / "audit" / "api.jsonl").read_bytes()
    assert judge_chain(lines_of("api.jsonl", content)).holds
