"""Racks side by side on the console: intervals, what is real, what was not measured, no price and no markup."""

from pathlib import Path

import msgspec
from support.evaluated import six_racks

from datacenter_api.console.evaluation import draw_comparison, draw_contrasts, draw_evaluations
from datacenter_api.evaluation.desk import EvaluationDesk
from datacenter_api.evaluation.shown import EvaluationRow
from datacenter_api.passports.desk import PassportDesk
from rack_controller.prove.evaluate.compare import Cell, Comparison, Group

HOSTILE = '"><script>alert(1)</script>'


def compared(tmp_path: Path, by: str = "generation") -> Comparison:
    six_racks(tmp_path)
    passports = PassportDesk(tmp_path)
    try:
        return EvaluationDesk(tmp_path, passports).comparison(by)
    finally:
        passports.close()


def test_values_have_intervals_and_gaps_say_so(tmp_path: Path) -> None:
    drawn = draw_comparison(compared(tmp_path), "generation")
    assert '<b>100</b><br><span class="quiet">97.52 to 102.5</span>' in drawn
    assert 'title="its plan does not ask for it">not measured' in drawn
    assert '<a href="/console/evaluation?by=rack">racks</a>' in drawn
    assert "more is better" in drawn
    assert "Virtual racks" not in drawn


def test_real_differences_come_first_with_the_better_group(tmp_path: Path) -> None:
    drawn = draw_contrasts(compared(tmp_path))
    assert drawn.index("● real") < drawn.index("? not measured")
    assert "gb300-nvl72</td></tr>" in drawn
    assert "Holm" in drawn


def test_many_groups_stand_below_each_other(tmp_path: Path) -> None:
    found = compared(tmp_path, "rack")
    assert "<th>Criterion</th>" in draw_comparison(found, "rack")
    seventh = Group("k7", 1, 1, 0.0, "virtual")
    more = msgspec.structs.replace(
        found, groups=[*found.groups, seventh], cells=[*found.cells, *(Cell(c.id, "k7", 0) for c in found.criteria)]
    )
    drawn = draw_comparison(more, "rack")
    assert "<th>Group</th>" in drawn
    assert "not as racks of a factory do" in drawn
    assert "compare fewer" in draw_contrasts(msgspec.structs.replace(more, contrasts=[]))


def test_nothing_yet_and_what_does_not_count(tmp_path: Path) -> None:
    none = Comparison("p", [], [], [], [], 0)
    assert "rackwright evaluate run" in draw_comparison(none, "generation")
    assert "two groups are needed" in draw_contrasts(none)
    row = EvaluationRow("ev-1", "p", HOSTILE, "live", 1, 1, 0, "ada", "", HOSTILE)
    drawn = draw_evaluations([row])
    assert "◆ no" in drawn
    assert HOSTILE not in drawn
    assert draw_evaluations([]).endswith("<p class=quiet>None</p>")
