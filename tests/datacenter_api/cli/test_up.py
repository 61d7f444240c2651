"""What `up` finds out before it starts anything."""

from pathlib import Path

import pytest
from support.play import PlayedRack

from datacenter_api.cli.main import run
from datacenter_api.cli.state_directory import check_ready_file
from datacenter_api.cli.up import MOST_RACKS, all_live, count_racks
from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.summary import summarise
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from firmware_bridge.vocabulary.units import Seconds


@pytest.mark.parametrize(
    ("spec", "count"), [("gb200-nvl72", 1), ("a*10", 10), ("a*10,b", 11), ("a*x", 1), ("", 1), (f"a*{MOST_RACKS}", 200)]
)
def test_racks_are_counted(spec: str, count: int) -> None:
    assert count_racks(spec) == count


@pytest.mark.parametrize("spec", ["a*201", "a*100,b*101", "a*999999", "a*" + "9" * 5_000])
def test_more_racks_than_an_emulator_holds_are_refused_with_what_to_do(spec: str) -> None:
    with pytest.raises(ConfigurationError, match="ask for fewer"):
        count_racks(spec)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--listen", "127.0.0.1:70000"], "is not HOST:PORT"),
        (["--ready-file", "/proc/nowhere/ready"], "--ready-file"),
        (["--ready-file", "."], "--ready-file"),
        (["--racks", "a*999999"], "fewer"),
        (["--speed", "-1"], "--speed"),
        (["--faults", "/nowhere.yaml"], "/nowhere.yaml"),
        (["--load-trace", "/nowhere.csv"], "/nowhere.csv"),
        (["--racks", "gb200-nvl72,gb2000*2"], "unknown generation 'gb2000'"),
    ],
)
def test_a_wrong_option_is_one_line_before_anything_is_made(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", "--state", str(tmp_path / "s"), *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert (told.err.count("\n"), said in told.err) == (1, True)
    assert not (tmp_path / "s").exists()


def test_a_ready_file_that_can_be_written_is_not_there_before_it_is_true(tmp_path: Path) -> None:
    ready = tmp_path / "deep" / "ready.json"
    check_ready_file(ready)
    assert list(ready.parent.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentUnfit, match="choose another --ready-file"):
        check_ready_file(tmp_path / "file" / "ready.json")


def test_racks_are_live_with_as_many_endpoints_as_answer(record: RackRecord, rack: PlayedRack) -> None:
    def said() -> str:
        summary = summarise(record, Seconds(100.0))
        assert summary is not None
        return all_live([summary])

    assert said() == "every rack is live"
    rack.absent = {f"{rack.place}/u12/bmc"}
    record.hear_state(rack.state(), Seconds(100.0))
    assert said() == "every rack is heard; endpoints that answer: k01 62 of 63 (see `rackwright endpoint list`)"
