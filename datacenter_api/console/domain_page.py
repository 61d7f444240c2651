"""One NVLink domain: its GPUs over all racks it spans, as one grid."""

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.boards import Board, Look, Same
from datacenter_api.console.domain import domain_cells, draw_domain
from datacenter_api.console.frame import show_missing, show_top
from datacenter_api.console.glance import Glance
from datacenter_api.console.interlocks_page import show_banner
from datacenter_api.console.viewer import Viewer, html
from firmware_bridge.vocabulary.units import Seconds


def domain_board(glance: Glance, domain_id: str) -> Board:
    """Return a domain's figures and grid."""

    def look(now: Seconds) -> Look | None:
        domain = next((d for d in glance.domains(now) if d.id == domain_id), None)
        if domain is None:
            return None
        shares = [share.rack for share in domain.racks]
        racks = [rack for rack in glance.racks(now) if rack.summary.rack in shares]
        key = (Same(*(rack.layout for rack in racks)), domain.racks_missing)
        return Look(key, lambda: draw_domain(domain, racks), domain_cells(domain, racks))

    return glance.boards.get(("domain", domain_id), look)


def show_domain(glance: Glance, domain_id: str, who: Principal) -> None:
    """Show a domain, or that there is none of this name."""
    known = [d.id for d in glance.domains(glance.services.now())]
    if domain_id not in known:
        show_missing(who, f"There is no domain {domain_id!r}; known are {', '.join(known) or 'none yet'}")
        return
    viewer = Viewer(glance.services, who)
    show_top(who, ("/console/", "Hall"), ("", f"NVLink domain {domain_id}"))
    show_banner(glance, viewer)
    viewer.show(domain_board(glance, domain_id), html(classes="page"))
    viewer.start()
