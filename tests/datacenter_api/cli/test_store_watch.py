"""When the bus does not store: what is said, once each, and when its start is asked for."""

from itertools import pairwise

from datacenter_api.cli.store_watch import ROOM_BYTES, START_AGAIN_AFTER, STEADY_FOR, Advice, StoreWatch
from datacenter_api.fleet.state import Storing
from firmware_bridge.vocabulary.units import Seconds

WELL = Storing("", 0, 0)
SILENT = Storing("no acknowledgement within 5 s", 7, 0)
FULL, ROOM = 0, 10 * ROOM_BYTES


def test_a_full_disk_is_said_once_and_nothing_is_started() -> None:
    watch = StoreWatch()
    assert "disk is full (0 MiB free)" in watch.look(SILENT, FULL, Seconds(0)).note
    assert {watch.look(SILENT, FULL, Seconds(n)) for n in range(1, 100)} == {Advice()}


def test_when_there_is_room_again_the_bus_is_started_once_and_what_was_lost_is_said() -> None:
    watch = StoreWatch()
    watch.look(SILENT, FULL, Seconds(0))
    assert not watch.look(SILENT, ROOM, Seconds(10)).start_bus
    assert watch.look(SILENT, ROOM, Seconds(10 + STEADY_FOR)).start_bus
    assert not watch.look(SILENT, ROOM, Seconds(11 + STEADY_FOR)).start_bus
    assert watch.look(Storing("", 0, 3), ROOM, Seconds(20)).note == "the bus stores again; 3 messages were lost"
    assert watch.look(Storing("", 0, 3), ROOM, Seconds(21)) == Advice()


def test_a_bus_that_stays_silent_is_started_again_but_not_all_the_time() -> None:
    watch = StoreWatch()
    starts = [now for now in range(100) if watch.look(SILENT, ROOM, Seconds(now)).start_bus]
    assert [b - a for a, b in pairwise(starts)] == [START_AGAIN_AFTER] * (len(starts) - 1)
    assert len(starts) > 1


def test_a_disk_that_wavers_starts_nothing() -> None:
    watch = StoreWatch()
    looks = [watch.look(SILENT, FULL if now % 2 else ROOM, Seconds(now)) for now in range(60)]
    assert not any(advice.start_bus for advice in looks)


def test_losses_without_a_refusal_are_said_too() -> None:
    watch = StoreWatch()
    assert watch.look(WELL, ROOM, Seconds(0)) == Advice()
    assert "5 messages were lost" in watch.look(Storing("", 0, 5), ROOM, Seconds(1)).note
