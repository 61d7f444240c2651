"""What people hear of NVLink ports: downs and ups, wear, a fabric manager elsewhere, versions that differ."""

from collections.abc import Mapping

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Reading, Series
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.decide.links import LinkMemory, notice_links
from rack_controller.decide.notice import Finding, notice_changes
from rack_controller.model.event import Severity
from rack_controller.model.layout import NvlinkView
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.wiring import Wiring
from rack_controller.run.board import Board

RACK = Place("lab1/a/r01/k01")
TRAYS = (Place(f"{RACK}/u19"), Place(f"{RACK}/u20"))
GPUS = tuple(Place(f"{RACK}/u11/gpu{n}") for n in range(4)) + tuple(Place(f"{RACK}/u12/gpu{n}") for n in range(4))
PLAN = NvlinkView(4, 16, 2, "acp", 1, [0], confirmed=False, ber_high=1e-12, recoveries_per_hour_high=10)
WIRING = (Wiring("nvl0", PLAN, TRAYS, GPUS),)
PERIODS = {c: Seconds(10_000.0) for c in ReadingClass}
PORTS = [Place(f"{tray}/acp{n + 1}") for tray in TRAYS for n in range(16)]
Values = Mapping[tuple[str, Quantity], float | None]


class Rack:
    """A board whose ports are well unless told otherwise."""

    def __init__(self) -> None:
        self.board = Board(RACK, [], PERIODS)
        self.memory = LinkMemory()
        series = [Series(t, Quantity.FABRIC_MANAGER, ReadingClass.SLOW) for t in TRAYS]
        for port in PORTS:
            series += [
                Series(port, q, ReadingClass.SLOW)
                for q in (Quantity.LINK, Quantity.BIT_ERROR_RATIO, Quantity.NVLINK_RECOVERIES)
            ]
        self.board.declare(RACK, series)
        self.was: Snapshot | None = None

    def tell(self, now: float, versions: Mapping[Place, str] | None = None, **said: float | None) -> list[Finding]:
        """Say `u19_acp3=0` (link), `ber_u19_acp3`, `n_u19_acp3` (recoveries), `fm_u19`; return the findings."""
        usual: dict[tuple[Place, Quantity], float | int | None] = {
            (t, Quantity.FABRIC_MANAGER): 2.0 if t is TRAYS[0] else 0.0 for t in TRAYS
        }
        for port in PORTS:
            usual |= {
                (port, Quantity.LINK): 1.0,
                (port, Quantity.BIT_ERROR_RATIO): 0.0,
                (port, Quantity.NVLINK_RECOVERIES): 7,
            }
        kinds = {"ber": Quantity.BIT_ERROR_RATIO, "n": Quantity.NVLINK_RECOVERIES, "fm": Quantity.FABRIC_MANAGER}
        for name, value in said.items():
            head, _, rest = name.partition("_")
            place = Place(f"{RACK}/{(rest if head in kinds else name).replace('_', '/')}")
            usual[place, kinds.get(head, Quantity.LINK)] = value
        self.board.store([Reading(p, q, v, Seconds(now)) for (p, q), v in usual.items()])
        shot = self.board.snapshot(1, Seconds(now), UnixNanoseconds(1))
        self.memory, found = notice_links(self.memory, shot, WIRING, versions or {})
        assert not [f for f in notice_changes(self.was, shot) if f.kind.startswith(("link.", "fabric_manager."))]
        self.was = shot
        return found


def told(findings: list[Finding]) -> list[tuple[str, str, Severity]]:
    return [(f.place.removeprefix(RACK + "/"), f.kind, f.severity) for f in findings]


def test_a_quiet_fabric_says_nothing() -> None:
    rack = Rack()
    assert [rack.tell(n * 10.0) for n in range(1, 9)] == [[]] * 8


def test_a_port_that_goes_down_and_comes_back_names_the_gpu_behind_it() -> None:
    rack = Rack()
    rack.tell(10)
    (down,) = rack.tell(20, u19_acp3=0.0)
    assert told([down]) == [("u19/acp3", "link.down", Severity.WARNING)]
    assert down.message == "u19 acp3 is down; it leads to u11 gpu2 link 0 by the assumed wiring"
    assert rack.tell(30, u19_acp3=0.0) == []
    assert told(rack.tell(40)) == [("u19/acp3", "link.up", Severity.OK)]


def test_a_port_that_was_down_from_the_start_is_told_and_one_that_turns_unknown_is_not() -> None:
    rack = Rack()
    assert told(rack.tell(10, u20_acp16=0.0)) == [("u20/acp16", "link.down", Severity.WARNING)]
    assert rack.tell(20, u20_acp16=None) == []
    assert rack.tell(30, u20_acp16=0.0) == []


def test_many_ports_of_a_tray_at_once_are_one_finding() -> None:
    rack = Rack()
    rack.tell(10)
    (lost,) = rack.tell(20, **{f"u19_acp{n}": 0.0 for n in (1, 2, 3, 4, 9, 10, 11, 12)})
    assert lost.kind == "link.down"
    assert lost.message == ("u19: 8 NVLink ports are down, all towards u11 (acp1, acp2, acp3, acp4, acp9, acp10, …)")


def test_a_flapping_port_is_told_once() -> None:
    rack = Rack()
    rack.tell(10)
    kinds = [f.kind for n in range(2, 20) for f in rack.tell(n * 10.0, u19_acp1=float(n % 2))]
    assert kinds == ["link.down", "link.up", "link.down", "link.flapping"]
    rack.tell(1_000)
    assert [f.kind for f in rack.tell(1_010, u19_acp1=0.0)] == ["link.down"]


def test_a_high_error_ratio_is_told_with_its_trend_until_it_is_normal_again() -> None:
    rack = Rack()
    for n in range(5):
        rack.tell(20.0 * n, n_u19_acp5=100 + n)
    (high,) = [f for f in rack.tell(100, ber_u19_acp5=2e-9, n_u19_acp5=104) if f.kind == "ber.high"]
    assert high.message.startswith("u19 acp5 has a bit error ratio of 2.0e-09, limit 1e-12, 144 recoveries an hour")
    assert rack.tell(120, ber_u19_acp5=5e-13, n_u19_acp5=104) == []
    assert [f.kind for f in rack.tell(140, n_u19_acp5=104)] == ["ber.normal"]


def test_recoveries_tell_before_the_port_fails() -> None:
    rack = Rack()
    found = [f for n in range(40) for f in rack.tell(30.0 * n, n_u20_acp7=1_000 + n)]
    assert told(found) == [("u20/acp7", "link.recovering", Severity.WARNING)]
    assert "recovers 120 times an hour, limit 10" in found[0].message
    assert [f.kind for n in range(40, 80) for f in rack.tell(30.0 * n, n_u20_acp7=1_040)] == ["link.steady"]


def test_a_counter_that_was_reset_is_no_alarm() -> None:
    rack = Rack()
    found = [f for n in range(30) for f in rack.tell(30.0 * n, n_u20_acp7=0 if n > 10 else 4_000_000)]
    assert found == []


def test_the_fabric_manager_runs_where_it_is_planned_and_nowhere_else() -> None:
    rack = Rack()
    rack.tell(10)
    assert told(rack.tell(20, fm_u19=1.0)) == [("u19", "fabric_manager.down", Severity.CRITICAL)]
    assert told(rack.tell(30, fm_u19=None)) == []
    assert told(rack.tell(40)) == [("u19", "fabric_manager.up", Severity.OK)]
    (misplaced,) = rack.tell(50, fm_u20=2.0)
    assert misplaced.message == "u20: a fabric manager is running; it is planned for u19"
    assert told(rack.tell(60)) == [("u20", "fabric_manager.gone", Severity.OK)]


def test_a_manager_that_never_ran_is_told_at_once() -> None:
    assert told(Rack().tell(10, fm_u19=0.0)) == [("u19", "fabric_manager.down", Severity.CRITICAL)]


def test_versions_that_differ_are_told_once_with_the_trays_that_differ() -> None:
    rack = Rack()
    one, two = Place(f"{TRAYS[0]}/nvos"), Place(f"{TRAYS[1]}/nvos")
    assert rack.tell(10, {one: "25.02.2", two: ""}) == []
    assert rack.tell(20, {one: "25.02.2", two: "25.02.1"}) == []  # others may still come
    (differ,) = rack.tell(21, {one: "25.02.2", two: "25.02.1"})
    assert (differ.kind, differ.severity) == ("version.mismatch", Severity.WARNING)
    assert differ.message == ("switch trays run different versions of NVOS: 25.02.2 in u19; 25.02.1 in the other 1")
    assert rack.tell(30, {one: "25.02.2", two: "25.02.1"}) == []
    assert [f.kind for f in rack.tell(40, {one: "25.02.2", two: "25.02.2"})] == ["version.equal"]


def test_a_rack_without_ports_costs_nothing() -> None:
    board = Board(RACK, [], PERIODS)
    memory, found = notice_links(LinkMemory(), board.snapshot(1, Seconds(1.0), UnixNanoseconds(1)), (), {})
    assert (found, memory.rise) == ([], None)


def test_ports_that_come_late_keep_what_was_remembered() -> None:
    rack = Rack()
    rack.tell(10, u19_acp3=0.0)
    rack.board.declare(Place(f"{RACK}/u30"), [Series(Place(f"{RACK}/u30"), Quantity.POWER, ReadingClass.POWER)])
    assert rack.tell(20, u19_acp3=0.0) == []
