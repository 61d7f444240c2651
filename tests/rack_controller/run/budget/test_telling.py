"""What is told of a budget reaches its rack, and a bug in it ends nothing else of the rack's second."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from firmware_bridge.vocabulary.place import Place
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.run.budget.telling import BudgetTelling

K01 = Place("s1/a/r01/k01")


def telling(station: Any) -> tuple[BudgetTelling, list[Finding]]:
    told: list[Finding] = []
    return BudgetTelling(station, cast(Any, SimpleNamespace(place=K01, tell=told.append))), told


def test_a_bug_in_it_is_logged_told_once_and_over_when_it_works_again(caplog: pytest.LogCaptureFixture) -> None:
    book = SimpleNamespace(expired=list, expired_hints=lambda: 1 / 0, active=None)
    one, told = telling(SimpleNamespace(book=book, last=None))
    one.look()
    one.look()
    assert [(f.kind, f.severity) for f in told] == [("budget.failing", Severity.CRITICAL)]
    assert "ZeroDivisionError" in told[0].message
    assert "what is to be told of its budget failed" in caplog.text
    book.expired_hints = list
    one.look()
    one.look()
    assert [(f.kind, f.severity) for f in told[1:]] == [("budget.failing", Severity.OK)]
