"""The rules and the dashboard that ship: every metric and every label value in them stands on a real page."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.alarmed import played_alarms
from support.api import fill
from support.latched import latched_state
from support.play import PlayedRack

from datacenter_api.fleet.record import RackRecord
from datacenter_api.history.chronicle import HistoryFigures
from datacenter_api.metrics.exposition import Exposition
from datacenter_api.notify.figures import TargetView
from datacenter_api.redfish.figures import RedfishFigures
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.outbox import OutboxReport

MONITORING = Path(__file__).parents[3] / "seeds" / "monitoring"
RULES, DASHBOARD = MONITORING / "prometheus-rules.yaml", MONITORING / "grafana-dashboard.json"
NOW = Seconds(100.0)
_NAME = re.compile(r"\b(?:rack|rackwright)_[a-z0-9_]+\b")
_MATCHER = re.compile(r'([a-z_]+)\s*(=~|!=|=)\s*"([^"]*)"')
_SELECTOR = re.compile(r"\b((?:rack|rackwright)_[a-z0-9_]+)\{([^}]*)\}")


@pytest.fixture
def page(record: RackRecord, rack: PlayedRack) -> str:
    rack.alarms, rack.interlocks = played_alarms(rack.place), latched_state(rack.place)
    fill(record, rack, NOW)
    record.outboxes = {"RW_EVENT": OutboxReport("RW_EVENT", 0, 0, "")}
    told = [TargetView("pager", "webhook", "pager.example", [1], True, 0, 0, 0, "")]
    figures = HistoryFigures(*(0 for _ in HistoryFigures.__dataclass_fields__))  # type: ignore[arg-type]
    return (
        Exposition()
        .render(
            [record],
            NOW,
            1_800_000_000.0,
            connected=True,
            streams=0,
            discarded={},
            history=figures,
            redfish=RedfishFigures(),
            told=told,
        )
        .decode()
    )


def expressions() -> list[str]:
    rules = yaml.safe_load(RULES.read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads(DASHBOARD.read_text())
    found += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return found + [
        entry["query"]["query"] for entry in board["templating"]["list"] if isinstance(entry["query"], dict)
    ]


def exported(page: str) -> dict[str, dict[str, set[str]]]:
    """Return, by metric, the values of each of its labels."""
    found: dict[str, dict[str, set[str]]] = {}
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            found.setdefault(line.split(" ")[2], {})
        elif line and not line.startswith("#"):
            name, _, rest = line.partition("{")
            for label, _, value in _MATCHER.findall(rest):
                found[name.partition(" ")[0]].setdefault(label, set()).add(value)
    return found


def test_every_metric_and_label_value_that_they_name_is_exported(page: str) -> None:
    known, seen = exported(page), 0
    for expr in expressions():
        names = set(_NAME.findall(expr))
        assert names <= set(known), f"{expr}: nothing exports {names - set(known)}"
        seen += len(names)
        for name, inside in _SELECTOR.findall(expr):
            for label, how, value in _MATCHER.findall(inside):
                if value.startswith("$") or (not value and how == "="):
                    continue
                values = known[name].get(label, set())
                fits = any(re.fullmatch(value, v) for v in values) if how == "=~" else value in values
                assert fits, f"{expr}: {name} has no {label}={value!r}, only {sorted(values)[:8]}"
    assert seen > 30


def test_the_check_can_fail() -> None:
    assert _NAME.findall("sum(rack_nonsense) by (rack)") == ["rack_nonsense"]
    assert exported('# TYPE rack_x gauge\nrack_x{state="a"} 1') == {"rack_x": {"state": {"a"}}}


def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    rules: list[dict[str, Any]] = [r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["response"]


def test_the_dashboard_has_no_overlap_and_asks_the_chosen_source() -> None:
    board = json.loads(DASHBOARD.read_text())
    cells: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & cells
        assert max(x for x, _ in mine) < 24
        cells |= mine
        assert panel["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_promtool_takes_the_rules() -> None:
    checked = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
