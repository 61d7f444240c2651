"""The page of a power budget: limits against draw, who is held by which layer, shadow and shortfall said in words."""

import msgspec
from support.budget_view import budget_glance, budget_view

from datacenter_api.console.budget import (
    BudgetState,
    draw_budget_line,
    draw_claims,
    draw_head,
    draw_held,
    draw_limits_held,
)
from rack_controller.model.power_view import PowerView

RACK = "lab1/a/r01/k01"
SHOWN = BudgetState(budget_view(RACK))


def test_the_head_says_what_may_be_used_and_why() -> None:
    drawn = draw_head(SHOWN)
    assert "● armed: limits are written" in drawn
    assert "<b>125.0 kW</b>, bound by branch b of u07 if feed a is lost" in drawn
    assert "Nothing covers the loss of feed b" in drawn
    assert "4000 W stranded: the rack could use it, row-&lt;r1&gt; holds it" in drawn
    assert "○ shadow: nothing is written" in draw_head(BudgetState(budget_view(RACK, mode="shadow")))


def test_a_ramp_says_what_may_be_granted_what_meters_saw_and_who_pauses_next() -> None:
    drawn = draw_head(SHOWN)
    assert "Ramp row-&lt;r&gt; ● armed, 10 kW/s up, 5 down: <b>119.0 kW</b> may be granted now." in drawn
    assert "▲ Steepest 5 s of the last minute: 12.0 kW/s up, 3.0 down." in drawn
    assert "train pauses for 12 s in 42 s; 22.0 kW then falls at once. Storage: 50 kJ, capacitors &lt;1&gt;." in drawn
    ramp = msgspec.structs.replace(
        SHOWN.view.ramps[0], mode="shadow", held_w=8e3, rose_w_s=9e3, pauses=[], storage_kj=0
    )
    shadow = draw_head(BudgetState(msgspec.structs.replace(SHOWN.view, ramps=[ramp])))
    assert "○ shadow, 10 kW/s up" in shadow
    assert "▲ It would hold back 8000 W of what is drawn. Steepest 5 s" in shadow
    assert "pauses" not in shadow


def test_a_shortfall_says_what_to_shed() -> None:
    drawn = draw_head(BudgetState(budget_view(RACK, short=3_000.0)))
    assert "◆ row-&lt;r1&gt;: 3000 W short even at the least limits. Shed u37." in drawn
    assert "◆ short" in draw_limits_held(BudgetState(budget_view(RACK, short=3_000.0)))


def test_what_was_shed_says_for_what_by_which_operation_and_what_keeps_it_off() -> None:
    drawn = draw_head(SHOWN)
    assert "◆ Shed: u37 is off, by op-7; row-&lt;r1&gt; lacked 3000 W. row-&lt;r1&gt; lacks 2.0 kW" in drawn
    assert "3300 W of it is for batteries that are not full" in drawn


def test_limits_stand_against_draw_in_words_and_as_bars() -> None:
    drawn = draw_limits_held(SHOWN)
    assert "110.0 kW drawn · 118.0 kW granted · 120.0 kW allowed · 2000 W left" in drawn
    assert drawn.count('role="img"') == 2
    assert "▲ holds" in drawn
    assert "● free" in drawn
    assert "▲ feed a phase &lt;2&gt;" in drawn
    assert '<th class="n">Heat, of its trip</th>' in drawn
    assert '1 breakers, least heat reserve left 40%</summary><p class="quiet">Heat reserve: how much warmer' in drawn
    assert "row-<r1>" not in drawn


def test_who_asks_and_who_is_held_by_what() -> None:
    asked, held = draw_claims(SHOWN), draw_held(SHOWN)
    assert "train (in step)" in asked
    assert "1.00 ± 0.10 kWh" in asked
    assert "iterations of 5 s, pauses " in asked
    assert "grid &lt;1&gt;" in asked
    assert f"<td>{RACK}/u12</td><td>profile max-&lt;q&gt;</td><td>ada</td>" in asked
    assert "<b>1 GPU</b> by interlock flow.low" in held
    assert "freed by: a larger budget" in held
    assert "u13/gpu1" in held
    assert "budget: row 900 W; its own default 1200 W" in held
    assert "in band until 00:01:05, then 700 W" in held
    assert "▲ In band: agents of 1 of 2 hosts keep their grants." in held
    assert "u12 refused: gpu0: no &lt;permission&gt;" in held


def test_in_shadow_nobody_is_held() -> None:
    shadow = BudgetState(budget_view(RACK, mode="shadow"))
    assert "<h2>Who would be held</h2>" in draw_held(shadow)
    assert "Only worked out: nobody is held by it." in draw_claims(shadow)
    assert "Only worked out" not in draw_held(SHOWN) + draw_claims(SHOWN)
    line = draw_budget_line(msgspec.structs.replace(budget_glance(), armed=False), "/x")
    assert "▲ 2 GPUs would be held · ○ shadow" in line


def test_what_is_not_known_says_so() -> None:
    assert "Asking the controller" in draw_head(None)
    assert "Not known: no answer" in draw_head(BudgetState(None, "no answer"))
    assert "No power policy is in force" in draw_head(BudgetState(PowerView(RACK, "")))
    assert "Nobody" in draw_held(None)
    assert "No power policy covers this rack" in draw_budget_line(None, "/x")
    line = draw_budget_line(budget_glance(), "/x")
    assert "◆ 1 tray shed" in line
    assert "125.0 kW may be used · ▲ 2 GPUs held · ● armed" in line
