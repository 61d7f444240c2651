"""From documents to readings: what a device does not say is unknown with a reason, never a number."""

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Quality, Reading, Series
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.redfish.documents import Decoder, EnvironmentMetrics, LeakDetector, Sensor
from firmware_bridge.wire.redfish.numbers import leak_code
from firmware_bridge.wire.redfish.plan import (
    MOST_KEPT,
    Answers,
    Extract,
    Fetch,
    Plan,
    Sum,
    missing,
    readings_of,
    state_extract,
    sums_of,
)

NOW = Seconds(100.0)
GPU = Place("s/h/r/k/u1/gpu0")
POWER = Series(GPU, Quantity.POWER, ReadingClass.POWER)
ENERGY = Series(GPU, Quantity.ENERGY, ReadingClass.POWER)


def metrics(raw: bytes, *extracts: Extract) -> list[Reading]:
    fetch = Fetch("/m", Decoder(EnvironmentMetrics), extracts)
    return readings_of(fetch, fetch.decode(raw), NOW)


def test_an_excerpt_becomes_a_reading_with_its_source() -> None:
    (reading,) = metrics(b'{"PowerWatts": {"Reading": "700.5"}}', Extract(POWER, "PowerWatts"))
    assert reading == Reading(GPU, Quantity.POWER, 700.5, NOW, Quality.GOOD, "/m")


def test_a_counter_is_whole_and_scaled() -> None:
    (reading,) = metrics(b'{"EnergykWh": {"Reading": 1.5}}', Extract(ENERGY, "EnergykWh", factor=3.6e6))
    assert reading.value == 5_400_000
    assert isinstance(reading.value, int)


def test_absent_is_missing_and_nonsense_is_refused() -> None:
    assert metrics(b"{}", Extract(POWER, "PowerWatts"))[0].quality is Quality.MISSING
    assert metrics(b'{"PowerWatts": {"Reading": null}}', Extract(POWER, "PowerWatts"))[0].quality is Quality.MISSING
    refused = metrics(b'{"PowerWatts": {"Reading": "N/A"}}', Extract(POWER, "PowerWatts"))[0]
    assert (refused.value, refused.quality) == (None, Quality.REFUSED)
    assert metrics(b'{"PowerWatts": {"Reading": true}}', Extract(POWER, "PowerWatts"))[0].quality is Quality.REFUSED


def test_a_part_that_says_it_is_off_is_flagged_but_its_state_counts() -> None:
    raw = b'{"PowerWatts": {"Reading": 3}, "Status": {"State": "UnavailableOffline"}}'
    assert metrics(raw, Extract(POWER, "PowerWatts"))[0].quality is Quality.FLAGGED
    leak = Series(GPU, Quantity.LEAK, ReadingClass.SAFETY)
    fetch = Fetch("/l", Decoder(LeakDetector), (state_extract(leak, "DetectorState", leak_code),))
    document = fetch.decode(b'{"DetectorState": "Critical", "Status": {"State": "Disabled"}}')
    assert readings_of(fetch, document, NOW)[0] == Reading(GPU, Quantity.LEAK, 2.0, NOW, Quality.GOOD, "/l")


def test_a_detector_that_does_not_look_is_not_dry() -> None:
    leak = Series(GPU, Quantity.LEAK, ReadingClass.SAFETY)
    fetch = Fetch("/l", Decoder(LeakDetector), (state_extract(leak, "DetectorState", leak_code),))
    for state in ("Disabled", "Absent", "UnavailableOffline"):
        document = fetch.decode(b'{"DetectorState": "OK", "Status": {"State": "%s"}}' % state.encode())
        assert readings_of(fetch, document, NOW)[0] == Reading(GPU, Quantity.LEAK, None, NOW, Quality.FLAGGED, "/l")


def test_what_cannot_be_is_refused_after_scaling_too() -> None:
    beyond = Extract(POWER, "PowerWatts", factor=1e300)
    assert metrics(b'{"PowerWatts": {"Reading": 1e200}}', beyond)[0].quality is Quality.REFUSED
    heat = Series(GPU, Quantity.TEMPERATURE, ReadingClass.SLOW)
    kelvin = Extract(heat, "TemperatureCelsius", offset=-273.15)
    refused = metrics(b'{"TemperatureCelsius": {"Reading": -1}}', kelvin)[0]
    assert (refused.value, refused.quality) == (None, Quality.REFUSED)
    assert metrics(b'{"TemperatureCelsius": {"Reading": 0}}', kelvin)[0].value == -273.15


def test_a_member_that_left_the_collection_is_missing() -> None:
    extracts = (Extract(POWER, "Reading", member="/c/a"), Extract(ENERGY, "Reading", member="/c/b"))
    fetch = Fetch("/c?$expand=.", Decoder(Sensor, array="Members"), extracts, collection=True)
    first, second = readings_of(fetch, fetch.decode(b'{"Members": [{"@odata.id": "/c/b", "Reading": 5}]}'), NOW)
    assert (first.value, first.quality, first.source) == (None, Quality.MISSING, "/c/a")
    assert (second.value, second.source) == (5, "/c/b")


def test_a_fetch_that_failed_leaves_every_series_unknown() -> None:
    fetch = Fetch("/m", Decoder(EnvironmentMetrics), (Extract(POWER, "PowerWatts"), Extract(ENERGY, "EnergyJoules")))
    assert [(r.value, r.quality) for r in missing(fetch, NOW)] == [(None, Quality.MISSING)] * 2


def test_half_a_sum_is_no_sum() -> None:
    parts = tuple(Series(Place(f"s/h/r/k/u1/psu{n}"), Quantity.POWER, ReadingClass.POWER) for n in range(2))
    total = Sum(Series(Place("s/h/r/k/u1"), Quantity.POWER, ReadingClass.POWER), parts)
    both = [Reading(p.place, p.quantity, 500.0, NOW) for p in parts]
    assert sums_of([total], both, NOW)[0].value == 1000.0
    assert sums_of([total], both[:1], NOW)[0].value is None
    assert sums_of([total], [both[0], Reading(parts[1].place, Quantity.POWER, None, NOW)], NOW)[0].value is None


def test_a_plan_knows_its_rate() -> None:
    fetch = Fetch("/m", Decoder(EnvironmentMetrics), (Extract(POWER, "PowerWatts"),))
    plan = Plan({ReadingClass.POWER: (fetch, fetch), ReadingClass.SLOW: (fetch,) * 10})
    assert plan.requests_per_second({ReadingClass.POWER: 1.0, ReadingClass.SLOW: 10.0}) == 3.0


def test_bytes_that_come_again_are_the_same_readings_at_another_time() -> None:
    decoded: list[bytes] = []

    class Counted(Decoder):
        __slots__ = ()

        def __call__(self, raw: bytes) -> object:
            decoded.append(raw)
            return super().__call__(raw)

    answers = Answers(Fetch("/m", Counted(EnvironmentMetrics), (Extract(POWER, "PowerWatts"),)))
    raw, other = b'{"PowerWatts": {"Reading": 700}}', b'{"PowerWatts": {"Reading": "N/A"}}'
    later = Seconds(NOW + 1.0)
    assert answers.readings(NOW, raw) == [Reading(GPU, Quantity.POWER, 700, NOW, Quality.GOOD, "/m")]
    assert answers.readings(later, raw) == [Reading(GPU, Quantity.POWER, 700, later, Quality.GOOD, "/m")]
    assert answers.readings(later, other) == [Reading(GPU, Quantity.POWER, None, later, Quality.REFUSED, "/m")]
    assert [r.quality for r in answers.readings(later, other)] == [Quality.REFUSED]
    assert decoded == [raw, other]
    large = raw[:-1] + b', "Name": "' + b"x" * MOST_KEPT + b'"}'
    assert [answers.readings(NOW, large), answers.readings(NOW, large)] == [answers.readings(NOW, raw)] * 2
    assert decoded == [raw, other, large, large, raw]
