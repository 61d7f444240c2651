"""Discovery by command: a table, a proposal that overwrites nothing, and refusals of one line."""

import asyncio
import json
from pathlib import Path

import pytest

from datacenter_api.cli.main import run
from firmware_bridge.emulator.harness import serve_tree

ROOT = "/redfish/v1"
TREE = {ROOT: {"@odata.id": ROOT, "RedfishVersion": "1.17.0", "Vendor": "ACME", "UUID": "U-1"}}


async def test_what_answers_is_listed_and_proposed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.yaml"
    async with serve_tree(TREE) as served:
        words = ["discover", "127.0.0.1", "--port", str(served.port), "--state", str(tmp_path)]
        assert await asyncio.to_thread(run, [*words, "--propose", str(found), "-o", "json"]) == 0
        said = capsys.readouterr()
        (row,) = json.loads(said.out)["items"]
        assert (row["vendor"], row["uuid"], row["pin"]) == ("ACME", "u-1", served.pin)
        assert "1 Redfish services" in said.err
        assert f"port: {served.port}" in found.read_text()
        assert await asyncio.to_thread(run, [*words, "--propose", str(found)]) == 2
        assert "File exists" in capsys.readouterr().err
        assert sum(served.seen.values()) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "no address to ask"),
        (["10.0.0.0/8"], "more than 65536"),
        (["10.4.0.0/20"], "say --yes"),
        (["8.8.8.8"], "public address"),
        (["rack7"], "names no addresses"),
        (["--leases", "/nowhere"], "cannot read"),
    ],
)
def test_what_must_not_begin_is_one_line(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["discover", *words, "--state", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.splitlines()) == 1
