"""The page of the audit logs, for who may see accounts: read and verified when it is opened, beside the loop."""

import asyncio

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.audit import AuditSight, draw_audit
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.viewer import Viewer, html
from datacenter_api.console.wording import esc
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.audit_files import AUDIT, newest, read_chain
from rack_controller.decide.audit_chain import judge_chain
from rack_controller.model.roles import Privilege, may

SHOWN = 50


async def show_audit(services: Services, who: Principal) -> None:
    """Show every log of the state directory."""
    if not may(who.role, Privilege.ACCOUNTS):
        show_missing(who, "The audit logs are for admins")
        return
    show_top(who, ("/console/", "Hall"), ("", "audit"))
    try:
        drawn = draw_audit(await asyncio.to_thread(read_logs, services))
    except ConfigurationError as err:
        drawn = f'<div class="card"><p class="sev-warning">▲ Not known: {esc(str(err))}</p></div>'
    html(drawn, classes="page")
    Viewer(services, who).start()


def read_logs(services: Services) -> list[AuditSight]:
    """Return every log as it stands.  Raises ConfigurationError when a file cannot be read."""
    folder, sights = services.state / AUDIT, []
    for standing in services.store.standings():
        lines, kept = read_chain(folder, standing.writer)
        verdict = judge_chain(lines, anchors=[kept])
        sights.append(AuditSight(standing, verdict, newest(folder, standing.writer, SHOWN)))
    return sights
