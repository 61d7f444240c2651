"""The application: routes, error answers, the bus link's life, the console, and the gate around all of it."""

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute

from datacenter_api import __version__
from datacenter_api.auth.gate import Gate
from datacenter_api.notify.on_demand import Notifier
from datacenter_api.problem import PROBLEM_RESPONSE, PROBLEM_SCHEMAS, problem, problem_of, problem_of_invalid
from datacenter_api.redfish.on_demand import OnDemand
from datacenter_api.rest import (
    acceptance,
    acceptance_floor,
    accounts,
    audit,
    consoles,
    domains,
    evaluations,
    events,
    firmware,
    history,
    login_page,
    notify,
    options,
    passports,
    power,
    racks,
    raw,
    service,
)
from datacenter_api.rest.answers import described
from datacenter_api.routes import MOST_IMAGE_BYTES
from datacenter_api.services import Services, make_services
from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.run.ending import end

log = logging.getLogger(__name__)
AUDIT_AGAIN_S = 5.0


def build_app(state: Path, *, console: bool = True) -> tuple[Gate, Services]:
    """Return the ASGI application of a state directory and its parts.  Raises EnvironmentUnfit.

    `console` false leaves NiceGUI out: it lives once per process, so tests in one process share no console.
    """
    services = make_services(state)
    redfish = OnDemand(services)
    app = FastAPI(
        title="Rackwright",
        version=__version__,
        description="Racks under control: readings, events, commands.",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        max_body_size=MOST_IMAGE_BYTES,
        lifespan=_life_of(services, redfish),
        routes=_routes(),
    )
    app.state.services = services
    _answer_errors(app)
    _describe(app)
    if console:
        from datacenter_api.console.mount import mount_console

        mount_console(app, services, redfish.open)
    return Gate(app, services.doorkeeper, redfish), services


@functools.cache
def _routes() -> list[BaseRoute]:
    """Return the routes of every application in this process: the framework makes each ready once, at its first use.

    They hold nothing of an application: what a route answers from stands in the state of the one that was asked.
    """
    all_of_them = APIRouter(max_body_size=MOST_IMAGE_BYTES)  # of any route; the gate knows what each may have
    for module in (
        acceptance,
        acceptance_floor,
        accounts,
        audit,
        consoles,
        domains,
        evaluations,
        firmware,
        history,
        notify,
        options,
        passports,
        power,
        racks,
        raw,
        events,
        service,
        login_page,
    ):
        all_of_them.include_router(module.router)
    return all_of_them.routes


def _life_of(services: Services, redfish: OnDemand) -> Any:
    @contextlib.asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        redfish.wake()
        notifier = services.notifier = Notifier(services)
        works = (_keep_linked(services), _keep_written(services), notifier.run(), services.acceptance.go_on())
        kept = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            services.broadcaster.close()
            await redfish.close()
            services.consoles.close()
            services.passports.close()
            await end(kept)
            services.store.close()

    return life


async def _keep_linked(services: Services) -> None:
    """Run the bus link for ever: what nobody foresaw is logged, and the link begins again."""
    while True:
        try:
            await services.bus.run()
        except Exception:
            log.exception("the bus link failed and begins again")
        await asyncio.sleep(1.0)


async def _keep_written(services: Services) -> None:
    """Try again, for ever, to write audit lines that the disk refused."""
    while True:
        await asyncio.sleep(AUDIT_AGAIN_S)
        if services.store.standing.waiting:
            services.store.flush()


def _answer_errors(app: FastAPI) -> None:
    async def ours(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RackwrightError)
        return problem_of(error)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return problem_of_invalid(error.errors()[0])

    async def of_framework(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail), headers=error.headers)

    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(500, "something failed on our side", advice="the API's log says what")

    app.add_exception_handler(RackwrightError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, of_framework)
    app.add_exception_handler(Exception, unforeseen)


def _describe(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for name, body in (described() | PROBLEM_SCHEMAS).items():
            schemas.setdefault(name, body)
        for operation in (o for methods in schema["paths"].values() for o in methods.values()):
            operation["responses"].pop("422", None)  # the framework's own shape, which is never sent
            operation["responses"]["default"] = PROBLEM_RESPONSE
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
