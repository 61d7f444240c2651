"""`$filter` (DSP0266 §7.3.4): comparisons of properties, joined by and, or, not.  Parsed once, evaluated per member.

A property that is not there counts as null; an order between things that have none is false.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.redfish_service.messages import RequestRefused

Test = Callable[[dict[str, Any]], bool]
MOST_LENGTH, MOST_DEPTH, MOST_TERMS = 1024, 16, 64
_TOKEN = re.compile(r"\s*(?:(\()|(\))|('(?:[^']|'')*')|(-?\d+(?:\.\d+)?)(?![\w.])|([A-Za-z@][\w@./#-]*))")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}
_OPERATORS = frozenset(("eq", "ne", *_ORDER))


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was written, what it says of one resource, and the properties that it names."""

    text: str
    keeps: Test = field(compare=False)
    names: frozenset[str] = field(compare=False, default=frozenset())


def parse_filter(text: str) -> Filter:
    """Return the filter that `text` says.  Raises RequestRefused (400) for anything that is none, too long or deep."""
    if len(text) > MOST_LENGTH:
        raise _malformed(text)
    tokens = _tokens(text)
    parser = _Parser(text, tokens)
    keeps = parser.either(0)
    if parser.at != len(tokens):
        raise _malformed(text)
    return Filter(text, keeps, frozenset(parser.names))


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or len(found) >= 4 * MOST_TERMS:
            raise _malformed(text)
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens, as deep as MOST_DEPTH."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self._text, self._tokens, self.at = text, tokens, 0
        self.names: set[str] = set()

    def either(self, depth: int) -> Test:
        """Read terms joined by `or`."""
        tests = [self._both(depth)]
        while self._next_is("or"):
            tests.append(self._both(depth))
        return tests[0] if len(tests) == 1 else lambda body: any(test(body) for test in tests)

    def _both(self, depth: int) -> Test:
        tests = [self._term(depth)]
        while self._next_is("and"):
            tests.append(self._term(depth))
        return tests[0] if len(tests) == 1 else lambda body: all(test(body) for test in tests)

    def _term(self, depth: int) -> Test:
        if depth > MOST_DEPTH:
            raise _malformed(self._text)
        if self._next_is("not"):
            inner = self._term(depth + 1)
            return lambda body: not inner(body)
        if self._next_is("("):
            inner = self.either(depth + 1)
            if not self._next_is(")"):
                raise _malformed(self._text)
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        left, operator, right = self._operand(), self._take(), self._operand()
        if operator not in _OPERATORS:
            raise _malformed(self._text)
        return lambda body: _compare(left(body), operator, right(body))

    def _operand(self) -> Callable[[dict[str, Any]], Any]:
        token = self._take()
        if token.startswith("'"):
            text = token[1:-1].replace("''", "'")
            return lambda _body: text
        if token in _WORDS:
            word = _WORDS[token]
            return lambda _body: word
        if token[0].isdigit() or token[0] == "-":
            number = float(token)
            return lambda _body: number
        if token in "()" or token in _OPERATORS or token in ("and", "or", "not"):
            raise _malformed(self._text)
        self.names.add(token)
        path = token.split("/")
        return lambda body: _value(body, path)

    def _take(self) -> str:
        if self.at >= len(self._tokens):
            raise _malformed(self._text)
        self.at += 1
        return self._tokens[self.at - 1]

    def _next_is(self, token: str) -> bool:
        if self.at < len(self._tokens) and self._tokens[self.at] == token:
            self.at += 1
            return True
        return False


def _value(body: Any, path: list[str]) -> Any:
    for step in path:
        body = body.get(step) if isinstance(body, dict) else None
    return body


def _compare(left: Any, operator: str, right: Any) -> bool:
    if operator in ("eq", "ne"):
        same = left == right and isinstance(left, bool) == isinstance(right, bool)
        return same == (operator == "eq")
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (left, right))
    if not numbers and not (isinstance(left, str) and isinstance(right, str)):
        return False
    return _ORDER[operator](left, right)


def _malformed(text: str) -> RequestRefused:
    return RequestRefused("QueryParameterValueFormatError", text[:128], "$filter")
