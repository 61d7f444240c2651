"""The policy envelope."""

from pathlib import Path

import pytest

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.located_yaml import convert, parse
from rack_controller.model.policy import Change, Policy, Selector, diff_specs, parse_policy, selects

GOLDEN = Path(__file__).parents[2] / "golden" / "policy_v1.yaml"
GOOD = {"kind": "interlock", "schema": 1, "selector": {"generations": ["gb200-nvl72"]}, "spec": {"a": {"b": 1}}}


def test_the_written_form_of_an_envelope_stays_as_it_is() -> None:
    assert convert(parse(GOLDEN.read_text(), GOLDEN.name), "", Policy) == Policy(
        kind="power_cap",
        schema=1,
        selector=Selector(racks=["lab1/a/r01/k01"], generations=["gb200-nvl72"]),
        spec={"limit_w": 120000, "floors": {"compute_w": 1000.5}, "order": ["u11", "u12"], "armed": False},
    )


def test_a_policy_covers_what_it_selects() -> None:
    policy = parse_policy(GOOD)
    assert selects(policy, Place("lab1/a/r01/k01"), "gb200-nvl72")
    assert not selects(policy, Place("lab1/a/r01/k01"), "orv3-hpr-nvl36x2")


def test_an_empty_selector_covers_everything() -> None:
    assert selects(parse_policy({"kind": "x", "schema": 1, "spec": {}}), Place("lab1/a/r01/k01"), "anything")


@pytest.mark.parametrize(
    ("change", "where"),
    [({"schema": 2}, "schema"), ({"kind": 3}, "kind"), ({"selecter": {}}, "selecter"), ({"spec": []}, "spec")],
)
def test_a_wrong_envelope_names_the_field(change: dict[str, object], where: str) -> None:
    with pytest.raises(ValueError, match=where):
        parse_policy(GOOD | change)


def test_a_difference_is_told_by_path() -> None:
    assert diff_specs({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}, "d": 4}) == [
        Change("a.b", 1, 3),
        Change("d", None, 4),
    ]
