"""Two plans are told apart by what they do to a rack and judge of it, row by row, and not by their texts."""

from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.prove.accept.plan import Level, Plan
from rack_controller.prove.accept.plan_diff import MOST_NAMED, differences, in_words


def plan(generation: str = "gb200-nvl72", name: str = "") -> Plan:
    return read_plan(plan_path(generation, name=name))[0]


def test_every_plan_is_the_same_as_itself_and_no_other_is() -> None:
    for generation in ("gb200-nvl72", "gb300-nvl72", "vera-rubin-nvl72", "orv3-hpr-nvl36x2"):
        assert differences(plan(generation), plan(generation)) == []
    assert differences(plan("gb200-nvl72"), plan("orv3-hpr-nvl36x2"))


def test_a_shorter_plan_differs_by_each_row_that_it_leaves_out_or_changes() -> None:
    found = differences(plan(), plan(name="short"))
    assert "step soak is left out" in found
    assert "phase power.full: for_s is 12.0, was" in " ".join(found)
    assert "measure power.tray_voltage is left out" in found
    assert not [text for text in found if "cluster_load" in text], "what is above the level is not compared"
    assert [text for text in differences(plan(), plan(name="short"), Level.L11) if "soak" in text] == []
    back = differences(plan(name="short"), plan())
    assert "step soak is new" in back


def test_only_the_first_are_told_with_how_many_more_there_are() -> None:
    assert in_words(["a", "b"]) == "a; b"
    assert in_words([str(n) for n in range(MOST_NAMED + 4)]).endswith(", and 4 more")
