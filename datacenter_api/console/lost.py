"""The console's answer to an address that leads nowhere: a page like the others, with the way back."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not found · Rackwright</title><link rel="icon" href="/assets/mark.svg">
<link rel="stylesheet" href="/assets/console.css"></head>
<body><header class="top"><h1><img src="/assets/mark.svg" alt="" width="22" height="22">Rackwright</h1></header>
<main class="page"><div class="card">There is nothing at {path}. <a href="/console/">All racks</a></div></main>
</body></html>
"""


async def show_lost(request: Request, _error: Exception) -> Response:
    """Answer 404 with the page."""
    return HTMLResponse(_PAGE.format(path=escape(request.url.path[:200])), 404)
