"""The error tree is closed: drawn, mapped, and every leaf says what to do with it."""

import json
import re
from pathlib import Path

from firmware_bridge.vocabulary import errors
from firmware_bridge.vocabulary.errors import RackwrightError, error_classes

# The Redfish engine has one refusal of its own, which carries its status and message id itself.
TREE = [cls for cls in error_classes() if cls.__module__ == errors.__name__]


def test_nobody_else_grows_the_tree() -> None:
    assert {cls.__name__ for cls in error_classes()} - {cls.__name__ for cls in TREE} <= {"RequestRefused"}


def test_the_drawing_at_the_top_is_the_tree() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or "")) | {"RackwrightError"}
    assert drawn == {cls.__name__ for cls in TREE}


def test_every_class_has_a_status_a_message_id_and_an_exit_code() -> None:
    for cls in error_classes():
        assert 400 <= cls.http_status <= 599, cls
        ours = cls is errors.Latched  # no Base message says that asking again is in vain
        assert re.fullmatch(r"Rackwright\.1\.0\.Latched" if ours else r"Base\.1\.\d+\.[A-Za-z]+", cls.message_id), cls
        assert 1 <= cls.exit_code <= 9, cls


def test_an_error_reads_as_one_line_with_advice() -> None:
    assert str(RackwrightError("port in use", advice="use --listen")) == "port in use: use --listen"
    assert str(errors.FileInvalid("a.yaml", 3, "slots[0].unit", "expected a number")) == (
        "a.yaml:3: slots[0].unit: expected a number"
    )


def test_what_each_class_means_outside_stays_as_it_is() -> None:
    table = {c.__name__: [c.http_status, c.message_id, c.exit_code] for c in TREE}
    assert table == json.loads((Path(__file__).parents[2] / "golden" / "errors.json").read_text())
