"""`power budget|why|cap|what-if|policy|job`: what is shown, what is sent, and amounts as people write them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.budget_view import budget_view
from support.command_line import CliRunner

from datacenter_api.cli import power_budget, power_layer, power_policy
from datacenter_api.cli.amounts import kilowatts, seconds
from datacenter_api.cli.main import app
from firmware_bridge.vocabulary.errors import ConfigurationError, TargetUnknown

RACK = "lab1/a/r01/k01"
WHAT_IF = {"like": RACK, "racks": 2, "fits": False, "level": 0.4, "full_w": 130_000.0, "granted_w": 90_000.0}
WHAT_IF |= {"binding": "ups-a", "limits": [{"name": "ups-a", "kind": "graph", "limit_w": 3e5, "needed_w": 3.9e5}]}

PEAK = {"name": "ups-a", "kind": "graph", "limit_w": 3e5, "peak_w": 2.5e5, "low_w": 2.4e5, "high_w": 2.6e5}
PLAYED = {"load": "recorded node power", "seconds": 300.0, "seeds": 5, "fits": True, "hottest_c": 70.0}
PLAYED |= {"margin_k": 18.0, "limits": [PEAK]}


class Played:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.view = msgspec.to_builtins(budget_view(RACK))

    def get(self, path: str, **_query: Any) -> Any:
        if path == "/api/v1/racks":
            return [{"rack": RACK}]
        if path.endswith("/readings"):
            if "/u99/" in f"/{_query['place']}/":
                raise TargetUnknown("nothing at 'u99'", advice="see `rackwright tray list`")
            return []
        if "what-if" in path:
            return WHAT_IF | ({"played": PLAYED} if path.endswith("&load=synthetic") else {})
        if path.endswith("/policy"):
            return {"document": "kind: power\n", "mode": "shadow", "origin": "power.yaml", "by": "", "since_unix_ns": 0}
        assert path.endswith("/power")
        return self.view

    def post(self, path: str, body: Any) -> Any:
        self.sent.append(body)
        cap = {**self.view["caps"][0], "reason": ""}
        return {
            "result": {
                "cap": cap,
                "mode": "armed",
                "origin": "",
                "energy_j": 3.6e6,
                "doubt_j": 1.8e5,
                "cleared": [],
                "hint": self.view["hints"][0],
                "ramps": [],
            }
        }


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Played:
    played = Played()
    for module in (power_budget, power_layer, power_policy):
        monkeypatch.setattr(module, "connect", lambda _url, _state: played)
    monkeypatch.setattr(power_budget, "rack_holding", lambda _link, _place, _rack: RACK)
    return played


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["power", *words])
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_a_budget_says_limits_claims_and_what_binds(api: Played) -> None:
    said = run("budget", "k01")
    for part in (
        "row-<r1>",
        "118.0 kW",
        "train",
        "branch b of u07 after feed a is lost",
        "stranded",
        "2 GPUs are held",
        "in band: agents of 1 of 2 hosts keep their grants",
        "u12/host refused, gpu0: no <permission>",
        "u37 is off for row-<r1>, by op-7; row-<r1> lacks 2.0 kW",
        "3300 W of it is for batteries",
        "has least heat reserve: 40% of it left, heat at 70% of its trip; it bears this load for 95 s",
        "heat reserve: how much warmer a breaker may get",
    ):
        assert part in said, part
    assert msgspec.json.decode(run("budget", "k01", "-o", "json"))["usable"]["watts"] == 125_000.0


def test_in_shadow_nobody_is_held(api: Played) -> None:
    assert "worked out" not in run("budget", "k01")
    api.view |= {"mode": "shadow", "why": "shadow: nothing is written"}
    said = run("budget", "k01")
    assert "GRANTED and LEFT are only worked out" in said
    assert "2 GPUs would be held below their own default limit if limits were written" in said


def test_why_names_the_layer_and_what_frees_it(api: Played) -> None:
    said = run("why", "u12/gpu0")
    assert "interlock flow.low" in said
    assert "its cause is over" in said
    assert "u13" not in said
    assert "nothing at u14 is held" in run("why", "u14")


def test_why_tells_what_is_not_there_from_what_is_free(api: Played) -> None:
    assert isinstance(CliRunner().invoke(app, ["power", "why", "u99/gpu0"]).exception, TargetUnknown)
    assert "u12/gpu0" in run("why", "k01"), "a rack's own name is no place in it"


def test_why_names_the_road_and_what_remains_when_a_grant_is_over(api: Played) -> None:
    (row,) = msgspec.json.decode(run("why", "u13/gpu1", "-o", "json"))["items"]
    assert power_budget.road(row).startswith("in band until ")
    assert power_budget.road(row).endswith(", then 700 W")
    assert power_budget.road({**row, "road": "out of band", "until_unix_ns": 0}) == "out of band"
    assert "ROAD" in run("why", "u13/gpu1")


def test_a_cap_that_holds_nothing_says_why(api: Played) -> None:
    api.view["why"] = "shadow: nothing is written until the policy says armed"
    assert "it holds nothing yet: shadow" in run("cap", "k01", "100kW", "--for", "1h")
    api.view["why"] = ""
    assert "nothing yet" not in run("cap", "k01", "100kW", "--for", "1h")


def test_a_cap_is_sent_in_kw_and_seconds(api: Played) -> None:
    run("cap", "k01", "100kW", "--within", "30s", "--for", "1h", "--reason", "grid")
    assert api.sent[0]["verb"] == "power_cap"
    wish = {"racks": "k01", "kw": 100.0, "within_s": 30.0, "for_s": 3600.0, "reason": "grid"}
    assert api.sent[0]["arguments"] == wish
    run("cap", "--end", "cap-1")
    assert api.sent[1]["arguments"] == {"do": "clear", "cap": "cap-1"}
    assert "cap-1" in run("cap")
    run("cap", "k01", "100kW", code=1)
    for words, missing in (
        (("5kw",), "how long (--for)"),
        (("--for", "1h"), "how much"),
        ((), "how much and how long"),
    ):
        assert f"a cap needs {missing}" in str(CliRunner().invoke(app, ["power", "cap", "k01", *words]).exception)


def test_layers_are_set_cleared_and_listed(api: Played) -> None:
    run("layer", "set", "u12", "--module", "2.4kW", "--rack", "k01")
    run("layer", "set", "u12/gpu0", "--profile", "max-q", "--rack", "k01")
    run("layer", "clear", "u12", "--layer", "floor", "--rack", "k01")
    sent = [(body["verb"], body["target"], body["arguments"]) for body in api.sent]
    assert sent == [
        ("power_layer", "u12", {"do": "set", "kind": "module", "watts": 2_400.0}),
        ("power_layer", "u12/gpu0", {"do": "set", "kind": "profile", "profile": "max-q"}),
        ("power_layer", "u12", {"do": "clear", "kind": "floor"}),
    ]
    assert "max-<q>" in run("layer", "list", "--rack", "k01")
    for wrong in ([], ["--module", "2kW", "--floor", "600W"], ["--floor", "much"]):
        result = CliRunner().invoke(app, ["power", "layer", "set", "u12", *wrong])
        assert isinstance(result.exception, ConfigurationError), wrong


def test_what_does_not_fit_ends_with_7(api: Played) -> None:
    assert "should be greater than or equal to 0" in run("what-if", "-1", code=2)
    said = run("what-if", "2", "--like", "k01", code=7)
    assert "do not fit at full load: ups-a" in said
    assert "40%" in said


def test_what_carries_the_load_on_the_plant_fits_whatever_ratings_say(api: Played) -> None:
    said = run("what-if", "2", "--like", "k01", "--load", "synthetic")
    for part in ("recorded node power", "240.0 kW", "40.0 kW", "18 K below"):
        assert part in said, part


def test_policies_and_jobs_are_sent(api: Played, tmp_path: Path) -> None:
    file = tmp_path / "power.yaml"
    file.write_text("kind: power\nschema: 1\nspec: {mode: armed}\n")
    run("policy", "apply", str(file))
    assert api.sent[0]["arguments"] == {"do": "apply", "document": file.read_text()}
    assert "kind: power" in run("policy", "show")
    run("job", "start", "train", "k01/u1*", "k01/u28", "--priority", "5")
    assert api.sent[1]["arguments"]["members"] == "k01/u1*,k01/u28"
    assert "1.00 ± 0.05 kWh" in run("job", "end", "train")
    file.write_text(
        "kind: power\nschema: 1\nspec:\n  tenants:\n  - {name: a, places: [k01], most_kw: 1, guarantee_kw: 2}\n"
    )
    result = CliRunner().invoke(app, ["power", "policy", "check", str(file)])
    assert "spec.tenants[0].guarantee_kw" in str(result.exception)


def test_hints_of_a_job_are_sent_in_seconds_and_said_in_words(api: Played) -> None:
    hint = ("hint", "train", "--start", "30s", "--period", "5s", "--checkpoint", "10m/12s", "--checkpoint", "20m/1m")
    said = run("job", *hint, "--stop", "2h", "--for", "3h")
    wish = {"start_in_s": 30.0, "period_s": 5.0, "stop_in_s": 7200.0, "for_s": 10800.0, "checkpoints": "600/12,1200/60"}
    assert (api.sent[0]["verb"], api.sent[0]["arguments"]) == ("power_job", {"do": "hint", "job": "train", **wish})
    assert "job train: iterations of 5 s, pauses " in said
    assert "it is kept, and changes nothing" in said
    run("job", "hint", "train", "--clear")
    assert api.sent[1]["arguments"] == {"do": "unhint", "job": "train"}
    assert "iterations of 5 s, pauses " in run("job", "list", "-o", "wide").replace("\n", " ")
    for wrong, told in ((("--checkpoint", "10m"), "no checkpoint"), (("--clear", "--period", "5s"), "beside hints")):
        assert told in str(CliRunner().invoke(app, ["power", "job", "hint", "train", *wrong]).exception)


def test_a_budget_says_how_a_ramp_stands(api: Played) -> None:
    said = run("budget", "k01").replace("\n", " ")
    assert "ramp row-<r> (armed, 10 kW/s up, 5 kW/s down): 119.0 kW may be granted now" in said
    assert "rose by 12.0 kW/s, fell by 3.0 kW/s; train pauses for 12 s in 42 s, 22.0 kW then falls at once" in said


@pytest.mark.parametrize(("text", "kw"), [("100kW", 100.0), ("800 W", 0.8), ("1.5MW", 1500.0)])
def test_powers_as_people_write_them(text: str, kw: float) -> None:
    assert kilowatts(text) == pytest.approx(kw)


def test_a_power_without_its_unit_is_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match="120 of what") as refused:
        kilowatts(" 120 ")
    assert refused.value.advice == "write 120W or 120kW"


@pytest.mark.parametrize(("text", "s"), [("30s", 30.0), ("1h30m", 5400.0), ("2min", 120.0), ("45", 45.0)])
def test_times_as_people_write_them(text: str, s: float) -> None:
    assert seconds(text) == s


@pytest.mark.parametrize("wrong", ["", "lots", "-5kW", "1h x"])
def test_amounts_that_are_none_are_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError):
        kilowatts(wrong)
    with pytest.raises(ConfigurationError):
        seconds(wrong)
