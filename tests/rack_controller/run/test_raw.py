"""Whose own words can be looked at: an endpoint's that has documents, and not more than a message holds."""

from typing import Any

import pytest

from firmware_bridge.vocabulary.errors import ActionNotOffered, ReplyTooLarge, TargetUnknown
from firmware_bridge.vocabulary.place import Place
from rack_controller.run.raw import MOST_BYTES, read_raw

PLACE = Place("lab1/a/r01/k01/u12/bmc")


class Spoken:
    def __init__(self, body: bytes) -> None:
        self.body = body

    async def read_raw(self, path: str) -> bytes:
        return self.body


async def test_an_endpoints_own_words_are_passed_on_as_they_are() -> None:
    sources: dict[Place, Any] = {PLACE: Spoken(b'{"error": NaN, \xff')}
    seen = await read_raw(sources, PLACE, "/redfish/v1")
    assert (seen.place, seen.path, seen.body) == (PLACE, "/redfish/v1", b'{"error": NaN, \xff')


async def test_who_has_none_or_too_many_is_named() -> None:
    sources: dict[Place, Any] = {PLACE: object()}
    with pytest.raises(ActionNotOffered):
        await read_raw(sources, PLACE, "/redfish/v1")
    with pytest.raises(TargetUnknown):
        await read_raw(sources, "lab1/a/r01/k01/u99/bmc", "/redfish/v1")
    sources[PLACE] = Spoken(bytes(MOST_BYTES + 1))
    with pytest.raises(ReplyTooLarge):
        await read_raw(sources, PLACE, "/redfish/v1")
