"""A site's budget put together: whose policy is in force, what is refused, what is there after a restart."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import Site, SiteRack
from rack_controller.assemble_budget import budget_station, filed_policy
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.power_policy import Job, Mode
from rack_controller.run.budget.station import BudgetStation
from rack_controller.run.budget.telling import BudgetTelling
from rack_controller.run.clock import SystemClock
from rack_controller.run.journal import Journal

K01 = Place("s1/a/r01/k01")
ARMED = "kind: power\nschema: 1\nspec: {mode: armed}\n"
FEEDS = "feeds:\n  nodes:\n    way: {limit_kw: LIMIT}\n  racks:\n    s1/a/r01/k01: {a: way, b: way}\n"


def folder(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "policies").mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / "policies" / f"{name}.yaml").write_text(text)
    return tmp_path


def station(tmp_path: Path, feeds: str = "") -> BudgetStation:
    site_file = tmp_path / "site.yaml"
    site_file.write_text(feeds or "racks: []\n")
    site = Site("s1", (SiteRack(K01, "gb200-nvl72", armed=True),), ())
    generations = {"gb200-nvl72": load_generation("gb200-nvl72")}
    return budget_station(site, site_file, generations, Journal(tmp_path / "journal.db"), SystemClock(), [tmp_path])


def test_the_installation_comes_before_the_seeds_which_are_in_shadow(tmp_path: Path) -> None:
    seeded = filed_policy()
    assert seeded is not None
    assert (seeded.spec.mode, seeded.spec.budgets) == (Mode.SHADOW, [])
    own = filed_policy([folder(tmp_path, mine=ARMED)])
    assert own is not None
    assert own.spec.mode is Mode.ARMED


def test_two_policies_in_a_folder_and_one_that_does_not_fit_are_refused_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match=r"one power policy in a folder, a\.yaml is one already") as refused:
        filed_policy([folder(tmp_path, a=ARMED, b=ARMED)])
    assert (Path(refused.value.file).name, refused.value.line) == ("b.yaml", 1)
    other = tmp_path / "other"
    other.mkdir()
    wrong = ARMED.replace("{mode: armed}", "\n  tenants:\n  - {name: x, places: [k09]}")
    with pytest.raises(FileInvalid, match=r"mine\.yaml:5: spec\.tenants\[0\]\.places: .*names none"):
        station(folder(other, mine=wrong))


def test_limits_above_the_racks_are_read_with_the_site(tmp_path: Path) -> None:
    found = station(tmp_path, FEEDS.replace("LIMIT", "110"))
    assert [node.name for node in found.upstream.nodes] == ["way"]
    assert found.roster.racks[0].nodes == {"a": "way", "b": "way"}
    with pytest.raises(FileInvalid, match=r"site\.yaml:3: feeds\.nodes\.way"):
        station(tmp_path, FEEDS.replace("LIMIT", "-5"))


def test_what_was_applied_and_begun_is_there_after_a_restart(tmp_path: Path) -> None:
    before = station(tmp_path)
    before.book.apply(ARMED, "ada")
    before.book.start(Job("train", ["k01/u1*"]), "ada")
    before.journal.close()
    again = station(tmp_path)
    active = again.book.active
    assert active is not None
    assert (active.spec.mode, active.by, list(again.book.jobs)) == (Mode.ARMED, "ada", ["train"])
    assert again.covered(K01)
    again.book.retire(again.filed)
    assert again.book.active is again.filed
    again.journal.close()


def test_a_budget_for_a_rack_that_left_the_site_is_told_and_refuses_no_job(tmp_path: Path) -> None:
    gone = "kind: power\nschema: 1\nspec:\n  mode: armed\n  budgets:\n  - {name: row, racks: [k99], limit_kw: 9}\n"
    gone += "  tenants:\n  - {name: away, places: [k99], guarantee_kw: 1}\n"
    before = station(tmp_path)
    with pytest.raises(FileInvalid, match=r"spec\.budgets\[0\]\.racks: .*k99 of 'row' names none"):
        before.book.apply(gone, "ada")
    before.journal.activate_policy("power", "{}", gone, "ada", 1)  # when k99 was there
    before.journal.close()
    again = station(tmp_path)
    again.book.start(Job("train", ["k01/u1*"]), "ada")
    told: list[Finding] = []
    telling = BudgetTelling(again, cast(Any, SimpleNamespace(place=K01, tell=told.append)))
    telling.look()
    telling.look()
    assert [(f.kind, f.severity) for f in told] == [("budget.stale", Severity.WARNING)]
    assert "budgets[0].racks: k99 of 'row' names none" in told[0].message
    assert "tenants[0].places: k99 of 'away' names none" in told[0].message
    assert again.book.active is not None
    assert again._claims(again.book.active.spec).names == ("train", "everybody else"), "it is decided on without those"
    again.book.retire(again.filed)
    telling.look()
    assert [(f.kind, f.severity) for f in told[1:]] == [("budget.stale", Severity.OK)]
    again.journal.close()
    with pytest.raises(FileInvalid, match=r"mine\.yaml:6: spec\.budgets\[0\]\.racks"):
        station(folder(tmp_path, mine=gone))
