"""`interlock`: what a line says, what clears a latch and who must sign next, what a row of the table says."""

from typing import Any

import msgspec
import pytest
import typer
from support.interlocked import seeded_policy
from support.latched import CHAIN, latched_state

from datacenter_api.cli import bypass, interlock
from datacenter_api.cli.output import Output, render
from datacenter_api.cli.status import interlock_lines
from firmware_bridge.vocabulary.errors import PreconditionFailed, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.bypass import sign
from rack_controller.model.bypass import HOUR_NS, Bypass
from rack_controller.model.drill import Drill, Hop, Proven
from rack_controller.model.interlock_view import InterlockGlance, InterlockState, Rehearsal, RehearsedTrip, UnjudgedView

RACK = "lab1/a/r01/k01"


def said(state: InterlockState) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(state)
    return row


class Scripted:
    """A connection to an API whose rack has a latch; a command is remembered and answered."""

    def __init__(self, state: InterlockState, reply: dict[str, Any] | Exception) -> None:
        self.state, self.reply, self.sent = state, reply, {}  # type: ignore[var-annotated]

    def get(self, path: str, **_query: Any) -> Any:
        if path.endswith("/interlocks"):
            return said(self.state)
        return (
            {"rows": msgspec.to_builtins(seeded_policy())["rows"]}
            if path.endswith("/policy")
            else [{"rack": RACK, "name": "k01"}]
        )

    def post(self, _path: str, body: Any) -> Any:
        self.sent = body
        if isinstance(self.reply, Exception):
            raise self.reply
        return {"result": self.reply}


def use(monkeypatch: pytest.MonkeyPatch, link: Scripted) -> Scripted:
    monkeypatch.setattr(interlock, "connect", lambda _url, _state: link)
    return link


def test_a_line_says_what_stands_since_when_and_what_to_do() -> None:
    rows = interlock.lines(said(latched_state(RACK)), every=False)
    assert [(r["state"], r["place"], r["holds"]) for r in rows] == [
        ("latched k01-l1", f"{RACK}/u31", False),
        ("confirming", f"{RACK}/u12", True),
    ]
    table = render(rows, interlock._COLUMNS, Output.TABLE)
    for word in ("latched k01-l1", "leak.critical", "k01/u31", "59 s", "leak1 is critical", "leave it off"):
        assert word in table


def test_what_cannot_be_judged_is_told_with_what_is_missing_and_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trays = [f"{RACK}/u{n}" for n in range(11, 16)]
    blanks = [
        UnjudgedView("coolant.dew_point", "Coolant near the dew point", "no dew point of the rack's air", [RACK]),
        UnjudgedView("gpu.hot", "GPU too hot", "no GPU says how far it is", trays),
    ]
    state = msgspec.structs.replace(latched_state(RACK), unjudged=blanks, uncovered=[f"{RACK}/u06/leak0"])
    use(monkeypatch, Scripted(state, {}))
    interlock.list_interlocks(rack=RACK)
    told = capsys.readouterr().out
    assert "coolant.dew_point can't be judged: no dew point of the rack's air (k01)" in told
    assert "gpu.hot can't be judged: no GPU says how far it is (5 trays)" in told
    assert "k01/u06/leak0: no row looks at this leak detector" in told
    interlock.policy(rack=RACK, output=Output.WIDE)
    assert "no dew point of the rack's air (k01)" in capsys.readouterr().out
    interlock.list_interlocks(rack=RACK, output=Output.NAME)
    assert capsys.readouterr().err == "", "who wants names wants nothing else"


def test_cleared_latches_come_only_when_asked_for_and_orphans_always() -> None:
    state = latched_state(RACK)
    assert "cleared k01-l0" in [r["state"] for r in interlock.lines(said(state), every=True)]
    orphan = msgspec.structs.replace(state, standings=[], tripped=[], clearing={})
    (row,) = interlock.lines(said(orphan), every=False)
    assert (row["state"], row["blocks"]) == ("latched k01-l1", True)


def test_it_says_who_must_sign_next_and_with_what() -> None:
    stand = said(latched_state(RACK, persons=2))
    latch = interlock.find(stand, "k01-l1")
    assert interlock.what_clears(stand, latch).startswith("2 persons with the safety role must sign: found, done, pr")
    assert interlock.what_clears(stand, {**latch, "signed": ["ida"]}).startswith("another person")
    assert interlock.what_clears(stand, interlock.find(stand, "k01-l0")) == "k01-l0 is cleared"
    with pytest.raises(TargetUnknown, match="standing: k01-l1"):
        interlock.find(stand, "k01-l9")
    with pytest.raises(TargetUnknown, match="is no latch"):
        interlock.rack_of_latch("k01")


def test_clearing_sends_the_record_and_tells_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = latched_state(RACK, persons=2)
    latches = [msgspec.structs.replace(n, signed=["ida"]) for n in state.latches]
    reply = {"latch": "k01-l1", "cleared": False, "signed": ["ida"]}
    link = use(monkeypatch, Scripted(msgspec.structs.replace(state, latches=latches), reply))
    interlock.clear("k01-l1", found="a clamp", done="replaced", pressure_check="3 bar")
    assert link.sent["arguments"] == {
        "latch": "k01-l1",
        "found": "a clamp",
        "done": "replaced",
        "pressure_check": "3 bar",
    }
    assert "k01-l1 is signed by ida and stands; another person with the safety role" in capsys.readouterr().out


def test_a_refusal_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = PreconditionFailed("latch k01-l1 stands: the inspection record lacks done")
    use(monkeypatch, Scripted(latched_state(RACK), refusal))
    with pytest.raises(PreconditionFailed, match="lacks done"):
        interlock.clear("k01-l1", found="a clamp")
    assert PreconditionFailed.exit_code == 5


def test_show_and_policy_write_what_people_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, Scripted(latched_state(RACK), {}))
    interlock.show("k01-l1")
    told = capsys.readouterr()
    assert "k01-l1" in told.out
    assert CHAIN in told.out
    assert "a person with the safety role must sign: found, done, pressure check" in told.out
    interlock.policy()
    table = capsys.readouterr().out
    assert "force off drip" in table
    assert "flow below: 20 % for 5 s" in table
    assert "2 persons clear" in table
    assert "margin below: 3 K for 2 s" in table
    assert "trays leaking: 2 or more" in table
    interlock.list_interlocks()
    assert "latched k01-l1" in capsys.readouterr().out


def test_many_things_seen_leave_room_for_what_to_do() -> None:
    assert interlock.brief("leak0 is silent") == "leak0 is silent"
    assert interlock.brief("leak0 is silent, leak1 is silent, leak2 is silent") == "leak0 is silent, 2 more"


def test_only_latches_have_a_name_and_an_empty_list_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = latched_state(RACK)
    use(monkeypatch, Scripted(state, {}))
    interlock.list_interlocks(output=Output.NAME)
    assert capsys.readouterr().out == "k01-l1\n"
    quiet = msgspec.structs.replace(state, standings=[], tripped=[], latches=[])
    use(monkeypatch, Scripted(quiet, {}))
    interlock.list_interlocks()
    assert capsys.readouterr().out.endswith("\nnothing holds and no latch stands\n")


def test_status_tells_cause_and_effect_and_whether_the_rack_is_armed() -> None:
    for armed in (True, False):
        state = latched_state(RACK, armed=armed)
        glance = InterlockGlance(armed, state.tripped, int(armed), 0)
        lines = interlock_lines({"interlocks": msgspec.to_builtins(glance)})
        assert lines[0].startswith("critical: Leak at u31: leak1 is critical → ")
        assert ("(the rack is not armed)" in lines[0]) is not armed
        assert any("latches open: 1" in line for line in lines) is armed
    assert interlock_lines({"interlocks": None}) == []


def test_a_bypass_is_told_on_every_status_and_says_how_it_stands() -> None:
    wish = Bypass("k01-b1", Place(f"{RACK}/u31/leak1"), "", "broken", 8, "ada", 100)
    rows = [msgspec.to_builtins(b) for b in (wish, sign(wish, "bo", 100))]
    assert [bypass.word_of(r, 200) for r in rows] == ["wanted", "open"]
    assert [bypass.word_of(r, 100 + 8 * HOUR_NS) for r in rows] == ["over", "over"]
    assert bypass.word_of({**rows[0], "ended_unix_ns": 1, "ended_by": "eve"}, 200) == "ended by eve"
    glance = {"armed": True, "tripped": [], "latches_open": 0, "unresolved": 0, "bypasses": rows}
    asked, left_out = interlock_lines({"interlocks": glance})
    assert asked == (
        "warning: bypass k01-b1: detector at k01/u31/leak1 wanted by ada, another person must sign: broken"
    )
    assert "left out by ada and bo: broken" in left_out
    with pytest.raises(TargetUnknown, match="is no bypass"):
        bypass.rack_of_bypass("k01-l1")


def test_a_bypass_is_asked_for_and_signed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    link = Scripted(latched_state(RACK), {"bypass": "k01-b1", "open": False, "until": 0})
    monkeypatch.setattr(bypass, "connect", lambda _url, _state: link)
    bypass.open_bypass("u31/leak1", "broken", hours=4)
    assert link.sent["arguments"] == {"do": "open", "reason": "broken", "hours": 4}
    assert "k01-b1 waits for another person" in capsys.readouterr().out
    bypass.sign_bypass("k01-b1")
    assert link.sent["arguments"] == {"do": "sign", "bypass": "k01-b1"}
    bypass.end_bypass("k01-b1")
    assert "k01-b1 is over" in capsys.readouterr().out


def test_a_rehearsal_tells_what_would_follow_and_that_nothing_was_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trip = RehearsedTrip("leak.critical", f"{RACK}/u31", "Leak at u31", ["u31 off"], [], True, True)
    told = Rehearsal(f"{RACK}/u31/leak1", False, [trip])
    link = use(monkeypatch, Scripted(latched_state(RACK), {}))
    monkeypatch.setattr(
        link, "get", lambda path, **_q: [{"rack": RACK, "name": "k01"}] if "test" not in path else said_of
    )
    said_of = msgspec.to_builtins(told)
    interlock.rehearse("u31/leak1", dry=True)
    written = capsys.readouterr()
    assert "u31 off" in written.out
    assert "nothing was done" in written.out
    assert "not armed" in written.out


def test_a_test_tells_every_hop_and_which_device_could_not_be_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trip = RehearsedTrip("leak.critical", f"{RACK}/u31", "Leak at u31", ["u31 off"], [], True, True)
    proven = [
        Proven(f"{RACK}/u31", "force_off", True, "ForceOff at /x", 41.5),
        Proven(f"{RACK}/u30", "force_off", False, "401", 3.0),
    ]
    drill = Drill(f"{RACK}/u31/leak1", "test/1", True, [trip], [Hop("driver", 12.25, "bmc read it")], proven)
    assert not drill.passed
    use(monkeypatch, Scripted(latched_state(RACK), {"drill": msgspec.to_builtins(drill)}))
    with pytest.raises(typer.Exit) as ended:
        interlock.rehearse("u31/leak1")
    written = capsys.readouterr()
    assert ended.value.exit_code == 7
    for said in ("12.25 ms", "bmc read it", "41.5 ms", "401"):
        assert said in written.out
    assert "nothing was switched off" in written.out
