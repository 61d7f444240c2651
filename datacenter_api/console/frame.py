"""What frames every page: head with the way back, who is logged in, and the line that says that nothing is heard."""

from nicegui import ui

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.viewer import html
from datacenter_api.console.wording import esc
from rack_controller.model.roles import Privilege, may

_HEAD = (
    '<link rel="stylesheet" href="/assets/console.css"><script src="/assets/console.js" defer></script>'
    '<meta name="color-scheme" content="light dark">'
)


def show_top(who: Principal, *crumbs: tuple[str, str], live: bool = False) -> None:
    """Show the page's head; `crumbs` are address and name of each page on the way here, the last one is this page."""
    ui.add_head_html(_HEAD)
    way = " / ".join(f'<a href="{href}">{esc(name)}</a>' if href else esc(name) for href, name in crumbs)
    crumb = f'<nav class="crumb" aria-label="where">{way}</nav>' if crumbs else ""
    audit = '<a class="crumb audit" href="/console/audit">Audit</a>' if may(who.role, Privilege.ACCOUNTS) else ""
    pill = '<span id="live" class="pill">? connecting</span>' if live else ""
    name = esc(f"{who.user} ({who.role})")
    html(
        '<header class="top"><h1><a href="/console/" aria-label="Rackwright: the hall">'
        '<img src="/assets/mark.svg" alt="" width="22" height="22"><span>Rackwright</span></a></h1>'
        f'{crumb}{pill}<span class="space"></span><span id="clock" class="crumb"></span>'
        f'{audit}<span class="crumb who" title="{name}">{name}</span>'
        f'<form method="post" action="/logout"><button type="submit" class="{ButtonKind.ASK.classes}">Log out'
        "</button></form></header>"
        '<div id="silence" role="alert"></div>'
    )


def show_missing(who: Principal, what: str, *back: tuple[str, str]) -> None:
    """Show that there is nothing here, and why; `back`: address and name of pages where what there is is listed."""
    show_top(who, ("/console/", "Hall"), *back, ("", "not found"))
    ways = " · ".join(f'<a href="{href}">{esc(name)}</a>' for href, name in (*back, ("/console/", "All racks")))
    said = f'<h2>Not found</h2><p class="sev-warning">▲ {esc(what[:1].upper() + what[1:])}.</p>'
    html(f'<main class="page"><div class="card">{said}<p>{ways}</p></div></main>')
