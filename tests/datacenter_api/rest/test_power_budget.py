"""A rack's power budget over REST, in the metrics, and commands that only some roles may send."""

import asyncio
from pathlib import Path

from support.api import Api
from support.budget_view import budget_glance, budget_view
from support.play import stage, until

V1 = "/api/v1"


async def test_a_budget_is_shown_whole_and_in_the_metrics(state: Path) -> None:
    async with stage(state) as scene:
        (rack,) = scene.racks.values()
        rack.budget, rack.budget_glance = budget_view(rack.place), budget_glance()
        api = Api(state)
        running = asyncio.create_task(api.services.bus.run())
        try:
            await until(lambda: api.services.bus.connected and any(r.budget for r in api.services.fleet))
            async with api.client() as client:
                shown = (await client.get(f"{V1}/racks/k01/power")).json()
                assert (shown["mode"], shown["usable"]["binding"]) == ("armed", "branch b of u07")
                assert [limit["name"] for limit in shown["limits"]] == ["k01", "row-<r1>"]
                assert (await client.get(f"{V1}/racks/k01/power/what-if?racks=-1")).status_code == 422
                assert (await client.get(f"{V1}/racks/k99/power")).status_code == 404
                page = (await client.get("/metrics")).text
                at = f'rack="{rack.place}"' if f'rack="{rack.place}"' in page else 'rack="k01"'
                assert f"rackwright_power_budget_armed{{{at}}} 1" in page
                assert f'rackwright_power_usable_watts{{{at},under="wanted"}} 125000' in page
                assert f'rackwright_power_limit_charged_watts{{{at},limit="row \\"1\\"",kind="budget"}} 118000' in page
                assert f'rack_power_usable_watts{{{at},by="budget"}} 125000' in page
                rack_now = (await client.get(f"{V1}/racks/k01")).json()
                assert (rack_now["usable_limit_w"], rack_now["usable_by"]) == (125_000, "budget")
                assert f"rackwright_power_gpus_held{{{at}}} 2" in page
                assert f'rackwright_power_in_band_hosts{{{at},state="kept"}} 1' in page
                assert f"rackwright_power_trays_shed{{{at}}} 1" in page
                assert 'rackwright_power_job_energy_joules{job="train"} 3600000' in page
                assert f'rackwright_power_ramp_allows_watts{{{at},ramp="row"}} 119000' in page
                steep = f"rackwright_power_ramp_steepest_watts_per_second{{{at}"
                assert f'{steep},ramp="row",way="up"}} 12000' in page
                assert 'way="down"' not in page
                assert f'rackwright_power_breaker_reserve{{{at},breaker="feed a"}} 0.4' in page
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            api.services.store.close()
