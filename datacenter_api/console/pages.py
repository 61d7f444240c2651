"""The console's pages on NiceGUI: which address shows what.  Each page is boards that all its viewers share."""

from nicegui import ui
from starlette.requests import Request

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.auth.gate import PRINCIPAL
from datacenter_api.console.acceptance_page import show_run, show_runs, show_test_floor
from datacenter_api.console.alarms_page import show_alarms
from datacenter_api.console.audit_page import show_audit
from datacenter_api.console.budget_page import show_budget
from datacenter_api.console.domain_page import show_domain
from datacenter_api.console.evaluation_page import show_evaluation
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner, show_interlocks
from datacenter_api.console.operation_page import show_operation
from datacenter_api.console.panel import find_tray
from datacenter_api.console.passport_page import show_decision, show_decisions, show_passport
from datacenter_api.console.rack_page import RackPage
from datacenter_api.console.serial_page import show_serial
from datacenter_api.console.sights import attention_board, events_board, hall_board
from datacenter_api.console.subscriptions_page import OpenDoor, show_subscriptions
from datacenter_api.console.tray_page import TrayPage
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import TargetUnknown


def add_pages(services: Services, open_door: OpenDoor) -> None:
    """Register the hall, the racks with their trays, the domains, the serial consoles and the subscriptions."""
    glance = Glance(services)

    @ui.page("/", title="Hall · Rackwright", dark=None)
    def hall(request: Request) -> None:
        show_hall(glance, request.scope[PRINCIPAL])

    @ui.page("/domain/{domain}", title="Domain · Rackwright", dark=None)
    def domain_page(domain: str, request: Request) -> None:
        show_domain(glance, domain, request.scope[PRINCIPAL])

    @ui.page("/serial/{place:path}", title="Serial console · Rackwright", dark=None)
    async def serial_page(place: str, request: Request) -> None:
        await show_serial(glance, place, request.scope[PRINCIPAL])

    @ui.page("/interlocks/{place:path}", title="Interlocks · Rackwright", dark=None)
    def interlocks_page(place: str, request: Request) -> None:
        show_interlocks(glance, place, request.scope[PRINCIPAL])

    @ui.page("/power/{place:path}", title="Power budget · Rackwright", dark=None)
    def budget_page(place: str, request: Request) -> None:
        show_budget(glance, place, request.scope[PRINCIPAL])

    @ui.page("/alarms/{place:path}", title="Alarms · Rackwright", dark=None)
    def alarms_page(place: str, request: Request) -> None:
        show_alarms(glance, place, request.scope[PRINCIPAL])

    @ui.page("/operation/{name}", title="Operation · Rackwright", dark=None)
    def operation_page(name: str, request: Request) -> None:
        show_operation(glance, name, request.scope[PRINCIPAL])

    @ui.page("/subscriptions", title="Subscriptions · Rackwright", dark=None)
    def subscriptions_page(request: Request) -> None:
        show_subscriptions(glance, open_door, request.scope[PRINCIPAL])

    @ui.page("/audit", title="Audit · Rackwright", dark=None)
    async def audit_page(request: Request) -> None:
        await show_audit(services, request.scope[PRINCIPAL])

    @ui.page("/acceptance", title="Acceptance · Rackwright", dark=None)
    def runs_page(request: Request, rack: str = "") -> None:
        show_runs(glance, request.scope[PRINCIPAL], rack)

    @ui.page("/acceptance/{run}", title="Acceptance run · Rackwright", dark=None)
    async def run_page(run: str, request: Request) -> None:
        await show_run(glance, run, request.scope[PRINCIPAL])

    @ui.page("/test-floor/{run}", title="Test floor · Rackwright", dark=None)
    async def test_floor_page(run: str, request: Request) -> None:
        await show_test_floor(glance, run, request.scope[PRINCIPAL])

    @ui.page("/decisions", title="Decisions · Rackwright", dark=None)
    async def decisions_page(request: Request) -> None:
        await show_decisions(services, request.scope[PRINCIPAL])

    @ui.page("/evaluation", title="Evaluation · Rackwright", dark=None)
    async def evaluation_page(request: Request, by: str = "generation") -> None:
        await show_evaluation(services, by, request.scope[PRINCIPAL])

    @ui.page("/decision/{name}", title="Decision · Rackwright", dark=None)
    async def decision_page(name: str, request: Request) -> None:
        await show_decision(services, name, request.scope[PRINCIPAL])

    @ui.page("/passport/{place:path}", title="Passport · Rackwright", dark=None)
    async def passport_page(place: str, request: Request) -> None:
        await show_passport(services, place, request.scope[PRINCIPAL])

    @ui.page("/rack/{place:path}", title="Rack · Rackwright", dark=None)
    def rack_page(place: str, request: Request) -> None:
        show_place(glance, place, request.scope[PRINCIPAL])


def show_hall(glance: Glance, who: Principal) -> None:
    """Show every rack, what needs a look and what happened last."""
    viewer = Viewer(glance.services, who)
    show_top(who)
    show_banner(glance, viewer)
    with ui.element("main").classes("page hallpage"):
        viewer.show(hall_board(glance), html(classes="hallmain"))
        with ui.element("div").classes("beside"):
            viewer.show(attention_board(glance), html(classes="card looks"))
            viewer.show(events_board(glance, None), html(classes="card"))
            html(
                '<p class="quiet"><a href="/console/subscriptions">Who is told of events</a> · '
                '<a href="/console/acceptance">Acceptance</a> · '
                '<a href="/console/decisions">Passports and decisions to buy</a> · '
                '<a href="/console/evaluation">Racks side by side</a></p>'
            )
    viewer.start()


def show_place(glance: Glance, place: str, who: Principal) -> None:
    """Show a rack (`k02`, or in full), or one of its trays (`k02/u06`)."""
    fleet = glance.services.fleet
    try:
        RackPage(glance, fleet.find(place), who).show()
        return
    except TargetUnknown as err:
        rack, _, slot = place.rpartition("/")
        reason = str(err)
    try:
        record = fleet.find(rack)
    except TargetUnknown:
        show_missing(who, reason)
        return
    tray = None if record.layout is None else find_tray(record.layout, slot)
    if tray is None:
        show_missing(who, f"There is no tray {slot!r} in rack {rack}")
        return
    TrayPage(glance, record, tray, who).show()
