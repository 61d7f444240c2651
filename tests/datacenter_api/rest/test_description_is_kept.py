"""The description of the REST API is true: requests made from it are answered as it says, and none breaks us."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from support.api import PASSWORD, Api, fill
from support.play import played_rack

from datacenter_api.auth.accounts import ensure_admin
from firmware_bridge.vocabulary.units import Seconds

# No schema can say which racks there are: the refusal does.  And any text is good text in a query.
NOT_CHECKED = [schemathesis.checks.positive_data_acceptance, schemathesis.checks.negative_data_rejection]
LOGIN = {"Authorization": "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()}


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    state = tmp_path_factory.mktemp("described")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RACKWRIGHT_ADMIN_PASSWORD", PASSWORD)
        ensure_admin(state)
    api, rack = Api(state), played_rack()
    fill(api.services.fleet.record(rack.name), rack, Seconds(time.monotonic()))
    yield schemathesis.openapi.from_asgi("/openapi.json", api.gate, headers=LOGIN)
    assert asyncio.run(racks(api)) == 200, "the login was good to the end, so answers were not refusals alone"
    api.services.store.close()


async def racks(api: Api) -> int:
    async with api.client() as client:
        return (await client.get("/api/v1/racks")).status_code


@pytest.mark.parametrize("examples", [5, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_it_answers_as_described(description: schemathesis.BaseSchema, examples: int) -> None:
    asked = 0
    for found in description.exclude(path_regex=r"/stream$").get_all_operations():
        operation = found.ok()
        mode = schemathesis.GenerationMode

        @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
        @given(
            case=operation.as_strategy(generation_mode=mode.POSITIVE)
            | operation.as_strategy(generation_mode=mode.NEGATIVE)
        )
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers=LOGIN, excluded_checks=NOT_CHECKED)

        ask()
    assert asked > 100
