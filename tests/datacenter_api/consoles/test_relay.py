"""Who types, judged from answers that overtake each other; what is kept of a console, and for whom."""

from pathlib import Path

import msgspec

from datacenter_api.consoles import feed
from datacenter_api.consoles.feed import Feed
from datacenter_api.consoles.relay import ConsoleRelay, Watcher
from datacenter_api.events.log import EventLog
from datacenter_api.fleet.bus import BusLink
from datacenter_api.fleet.state import FleetState
from firmware_bridge.vocabulary.place import Place
from rack_controller.model.console import Chunk, ConsoleStatus
from rack_controller.model.subjects import subjects_of

U12 = Place("lab1/a/r01/k01/u12/console")
IDLE = ConsoleStatus(U12, "ssh", "192.0.2.12:2200", "connected", 1.0, "", 0, 0, 0, watched=True)


async def test_a_status_on_its_way_does_not_take_the_keys_away(tmp_path: Path) -> None:
    relay = ConsoleRelay(BusLink(tmp_path, FleetState(), EventLog()))
    here = relay._feeds[subjects_of(U12).console_live(U12)] = Feed(0)
    watcher = Watcher(U12, 0, here)
    relay._learn([IDLE], 1.0)
    mine = msgspec.structs.replace(IDLE, writer="ann", writer_session=watcher.session)
    relay.granted(watcher, mine)
    granted = watcher.granted
    relay._learn([IDLE], granted - 0.5)  # asked before the grant, answered after it
    assert not relay.put_out(watcher)
    assert relay.status[U12] == mine
    relay._learn([mine], granted + 1.0)
    assert not relay.put_out(watcher)
    relay._learn([msgspec.structs.replace(IDLE, writer="bob", writer_session="b")], granted + 2.0)
    assert relay.put_out(watcher)
    assert not relay.put_out(watcher), "told once"


def test_a_feed_keeps_what_is_newest_and_knows_what_it_lacks() -> None:
    here = Feed(100)
    assert here.since(100) == b""
    assert here.since(99) is None
    here.hear(Chunk(100, 0, 0, b"abc"))
    here.hear(Chunk(103, 0, 0, b"def"))
    assert (here.since(100), here.since(104), here.since(106)) == (b"abcdef", b"ef", b"")
    here.hear(Chunk(200, 0, 0, b"later"))
    assert (here.since(103), here.since(200)) == (None, b"later")
    piece = b"x" * 16_384
    for n in range(40):
        here.hear(Chunk(205 + n * len(piece), 0, 0, piece))
    assert here.end - here.start <= feed.KEPT
    here.hear(Chunk(5, 0, 0, b"anew"))
    assert (here.start, here.end) == (5, 9)
