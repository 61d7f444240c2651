"""What the layers above may know of a rack: places, sizes, ratings, endpoints.  Travels on `state`; no driver in it."""

import msgspec

from firmware_bridge.vocabulary.generation import ConsoleSpec, Coolant, Generation, Slot
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.site import SiteConsole, SiteEndpoint, SiteRack
from rack_controller.model.alarm import AlarmGlance
from rack_controller.model.building_view import BuildingGlance
from rack_controller.model.failing import FailingResource
from rack_controller.model.hold import Hold
from rack_controller.model.interlock_view import InterlockGlance
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.power import BootView
from rack_controller.model.power_view import BudgetGlance

IN_BAND = frozenset(("nvml",))
RUNS_ON_HOST = IN_BAND | {"nvue"}
"""Protocols that answer only while the tray's own operating system runs: their silence says nothing of the tray."""


CAPPED = "gpu"
"""The component that an interlock caps: what of a tray draws most, and slows down without losing its work."""


class ComponentView(msgspec.Struct, frozen=True, omit_defaults=True):
    """`count` parts called `name` in a tray.  `power_max_w` is what one draws or gives at most, where it is stated."""

    name: str
    count: int
    power_max_w: float | None = None


class UnitView(msgspec.Struct, frozen=True):
    """One unit on an endpoint's serial line: its place and address, and the register maps it may speak."""

    place: str
    address: int
    maps: list[str]


class EndpointView(msgspec.Struct, frozen=True):
    """One management address.  `enabled` false: listed, not asked.  `units` is empty but on a serial line."""

    place: str
    protocol: str
    address: str
    enabled: bool
    subtree: str | None = None
    units: list[UnitView] = []
    subtree_parts: list[str] = []


class ConsoleView(msgspec.Struct, frozen=True):
    """One serial console.  `enabled` false: the site file does not ask for it."""

    place: str
    protocol: str
    address: str
    enabled: bool


class TrayView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tray: `unit` is its lowest rack unit counted from the floor, `kind` as in TrayKind.

    `heat_rated_w` and `coolant_flow_rated_lpm` are a coolant unit's ratings; the flow also that of a tray on the loop.
    """

    place: str
    kind: str
    title: str
    unit: int
    height_u: int
    index: int
    components: list[ComponentView]
    endpoints: list[EndpointView]
    feeds: list[str]
    domain: str | None
    power_max_w: float | None
    output_max_w: float | None
    consoles: list[ConsoleView] = []
    heat_rated_w: float | None = None
    coolant_flow_rated_lpm: float | None = None


class FeedView(msgspec.Struct, frozen=True):
    """One AC feed of the rack; `voltage_nominal_v` between two lines where it has three phases."""

    name: str
    phases: int
    voltage_nominal_v: float


class CoolantView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What fills the rack's loop, in Redfish's words, with its additive."""

    fluid: str
    additive: str | None = None
    additive_percent: float | None = None


class NvlinkView(msgspec.Struct, frozen=True):
    """How a domain is wired, as in the vocabulary's NvlinkPlan; None: the generation does not say."""

    links_per_gpu: int
    ports_per_tray: int
    chips_per_tray: int
    port: str
    first_port: int
    fabric_manager_trays: list[int]
    confirmed: bool
    ber_high: float = 1e-12
    recoveries_per_hour_high: float = 10.0


class DomainView(msgspec.Struct, frozen=True):
    """One NVLink domain.  It may span racks: those whose domains share an `id` are one; `gpus` counts all of them."""

    name: str
    gpus: int
    racks: int
    id: str = ""
    nvlink: NvlinkView | None = None


class Layout(msgspec.Struct, frozen=True):
    """A rack as it is planned.  Powers in W, flow in L/min, temperature in °C, periods in s, heat capacity in
    J/(L K).

    `rack_units` says what a unit measures (as in RackUnits), `feed_plans` what `feeds` are, `coolant` what fills the
    loop; each None or empty where the design does not say.
    """

    rack: str
    generation: str
    title: str
    height_u: int
    armed: bool
    confirmed: bool
    gpus: int
    trays: list[TrayView]
    domains: list[DomainView]
    feeds: list[str]
    busbar_power_max_w: float
    busbar_power_usable_w: float
    coolant_supply_nominal_c: float
    coolant_flow_rated_lpm: float
    periods_s: dict[str, float]
    coolant_heat_capacity_j_per_l_k: float = 3870.0
    busbar_voltage_nominal_v: float | None = None
    rack_units: str | None = None
    feed_plans: list[FeedView] = []
    coolant: CoolantView | None = None


class EndpointStatus(msgspec.Struct, frozen=True):
    """Both axes of one endpoint with their age in seconds, what went wrong last, how many resources fail now.

    `error_age_s`: how long ago `error` was met.  `events`: how its events come (PathKind, empty on a serial line),
    `events_age_s` since that was last proven, `events_detail` why it is not.
    `attention` is how much it is asked now (Pacing), `attention_s` for how much longer, `attention_detail` why;
    `blind`: why its leak detectors say nothing now, `blind_s` for how much longer.
    `held` says why nobody reads it: it shows another certificate than the pinned one.
    `failing`: which resources fail while the rest answers, since when and how often, the longest first (MOST_TOLD).
    `version` is the version of the system that answers there, where its driver reads it all the time.
    `subtree` names what stands behind it (empty: nothing), `subtree_state` how much of that is alive (Presence),
    `subtree_why` and `subtree_missing` what is not.
    `held` says why nobody reads it: it shows another certificate than the pinned one.  `ready`: whether it is as it
    must be (Ready), `blocked_by` what is not.  `maintenance`: who works on it, until when and why.
    `power_actions`: what can be asked of the tray's power there (PowerAction); `boot`: its boot source as last seen;
    `restarts`: how the controller itself can be restarted (ControllerRestart); `outputs`: what of a power shelf can be
    switched there (PowerAction), by supply, and by the empty name for the shelf's output.
    """

    place: str
    state: str
    management: str
    since_s: float
    last_success_age_s: float | None
    error: str = ""
    faults: int = 0
    error_age_s: float | None = None
    events: str = ""
    events_age_s: float | None = None
    events_detail: str = ""
    held: Hold | None = None
    version: str = ""
    subtree: str = ""
    subtree_state: str = ""
    subtree_why: str = ""
    subtree_missing: list[str] = []
    ready: str = ""
    blocked_by: list[str] = []
    attention: str = "full"
    attention_s: float | None = None
    attention_detail: str = ""
    blind: str = ""
    blind_s: float | None = None
    maintenance: str = ""
    failing: list[FailingResource] = []
    power_actions: list[str] = []
    boot: BootView | None = None
    restarts: list[str] = []
    outputs: dict[str, list[str]] = {}


class WornLink(msgspec.Struct, frozen=True):
    """One NVLink port that is over a limit: `ber.high`, `link.recovering` or `link.flapping`, with numbers in words."""

    place: str
    kind: str
    text: str


class RackState(msgspec.Struct, frozen=True):
    """The reply to `state` with want=endpoints: everything that changes rarely, at one revision.

    `deliveries_refused`: events pushed to this controller's listener and not taken, by reason, since its start; one
    listener serves every rack of a `boot`.  `interlocks` None: the rack has none.  `alarm_glance`: its alarms in short;
    `alarms` are those of them that are events which last.
    `building` None: the site agreed on none for it.  `budget` None: no power policy covers it.
    """

    rack: str
    revision: int
    table_id: int
    boot: str
    endpoints: list[EndpointStatus]
    worn: list[WornLink] = []
    alarms: list[LastingEvent] = []
    deliveries_refused: dict[str, int] = {}
    interlocks: InterlockGlance | None = None
    alarm_glance: AlarmGlance | None = None
    building: BuildingGlance | None = None
    budget: BudgetGlance | None = None


class StateRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wanted on `state`: layout, table, endpoints, interlocks, report (inventory of the endpoint `place`), its
    readiness, power (a look at the tray `place` now), raw (what the endpoint `place` itself answers at `path`), or
    power_what_if (`place` more racks, played under the load `path` where there is one).

    `table_id` asks for a series table of before; 0 is the one of now.
    `at_once`: a first report is begun and not waited for.
    """

    want: str
    place: str = ""
    table_id: int = 0
    path: str = ""
    at_once: bool = False


class StateChanged(msgspec.Struct, frozen=True):
    """Said on `state.changed`."""

    rack: str
    revision: int
    table_id: int
    boot: str


def make_layout(
    rack: SiteRack, generation: Generation, endpoints: tuple[SiteEndpoint, ...], consoles: tuple[SiteConsole, ...] = ()
) -> Layout:
    """Lay the site's addresses over the generation's plan.  An endpoint the site does not list has no address."""
    by_place = {e.place: e for e in endpoints}
    terminals = {c.place: c for c in consoles}
    return Layout(
        rack=rack.place,
        generation=generation.name,
        title=generation.title,
        height_u=generation.height_u,
        armed=rack.armed,
        confirmed=generation.confirmed,
        gpus=generation.count("gpu"),
        trays=[_tray(rack.place, slot, by_place, terminals) for slot in sorted(generation.slots, key=lambda s: s.unit)],
        domains=[
            DomainView(d.name, d.gpus, d.racks, rack.domain_id(d.name), _nvlink(generation, n))
            for n, d in enumerate(generation.domains)
        ],
        feeds=[f.name for f in generation.feeds],
        busbar_power_max_w=generation.busbar.power_max,
        busbar_power_usable_w=generation.busbar.power_usable,
        coolant_supply_nominal_c=generation.coolant.supply_nominal,
        coolant_flow_rated_lpm=generation.coolant.flow_rated,
        periods_s={str(name): float(period) for name, period in generation.periods.items()},
        coolant_heat_capacity_j_per_l_k=generation.coolant.heat_capacity_j_per_l_k,
        busbar_voltage_nominal_v=generation.busbar.voltage_nominal,
        rack_units=generation.rack_units,
        feed_plans=[FeedView(f.name, f.phases, f.voltage_nominal) for f in generation.feeds],
        coolant=_coolant(generation.coolant),
    )


def _coolant(coolant: Coolant) -> CoolantView | None:
    if coolant.fluid is None:
        return None
    return CoolantView(coolant.fluid, coolant.additive, coolant.additive_percent)


def _nvlink(generation: Generation, number: int) -> NvlinkView | None:
    wired = generation.domains[number].nvlink
    if wired is None:
        return None
    fact = generation.facts.get(f"domains[{number}].nvlink")
    return NvlinkView(
        wired.links_per_gpu,
        wired.ports_per_tray,
        wired.chips_per_tray,
        wired.port,
        wired.first_port,
        list(wired.fabric_manager_trays),
        confirmed=fact is not None and fact.confirmed,
        ber_high=wired.ber_high,
        recoveries_per_hour_high=wired.recoveries_per_hour_high,
    )


def _tray(
    rack: Place, slot: Slot, endpoints: dict[Place, SiteEndpoint], consoles: dict[Place, SiteConsole]
) -> TrayView:
    place = join_place(rack, slot.name)
    views = []
    for spec in slot.tray.endpoints:
        at = join_place(place, spec.name)
        known = endpoints.get(at)
        address = f"{known.address}:{known.port}" if known and known.address else (known.tty or "" if known else "")
        if known and known.agent:
            address = "agent"
        units = [
            UnitView(join_place(place, u.part) if u.part else place, u.address, list(u.maps))
            for u in spec.units_of(slot.index)
        ]
        views.append(
            EndpointView(
                *(at, spec.protocol, address, bool(known and known.enabled), spec.subtree, units),
                list(spec.subtree_parts),
            )
        )
    tray = slot.tray
    return TrayView(
        place=place,
        kind=tray.kind,
        title=tray.title,
        unit=slot.unit,
        height_u=tray.height_u,
        index=slot.index,
        components=[ComponentView(c.name, c.count, c.power_max) for c in tray.components],
        endpoints=views,
        feeds=list(slot.feeds),
        domain=slot.domain,
        power_max_w=tray.power_max,
        output_max_w=tray.output_max,
        consoles=[
            _console(c, join_place(place, c.name), consoles.get(join_place(place, c.name))) for c in tray.consoles
        ],
        heat_rated_w=tray.heat_rated,
        coolant_flow_rated_lpm=tray.coolant_flow_rated,
    )


def _console(spec: ConsoleSpec, place: Place, known: SiteConsole | None) -> ConsoleView:
    address = "" if known is None else f"{known.address}:{known.port}" if known.address else known.tty or ""
    return ConsoleView(place, spec.protocol, address, bool(known and known.enabled and spec.enabled))
