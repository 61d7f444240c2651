"""A rack's building over REST: whole, in the rack's summary, and in the metrics."""

import asyncio
from pathlib import Path

from support.api import Api
from support.asked_building import asked_building
from support.play import stage, until

V1 = "/api/v1"


async def test_a_building_is_shown_whole_and_in_short(state: Path) -> None:
    async with stage(state) as scene:
        (rack,) = scene.racks.values()
        rack.building = asked_building(rack.place, overdue=True)
        api = Api(state)
        running = asyncio.create_task(api.services.bus.run())
        try:
            await until(lambda: api.services.bus.connected and any(r.building for r in api.services.fleet))
            async with api.client() as client:
                shown = (await client.get(f"{V1}/racks/k01/building")).json()
                assert [(i["kind"], i["state"], i["overdue"]) for i in shown["isolation"]] == [
                    ("electrical", "confirmed", False),
                    ("liquid", "requested", True),
                ]
                assert shown["refused"][0]["why"].startswith("quality")
                (summary,) = (await client.get(f"{V1}/racks")).json()
                assert (summary["building"]["liquid"], summary["building"]["overdue"]) == ("requested", True)
                page = (await client.get("/metrics")).text
                labels = f'rack="{rack.place}"' if f'rack="{rack.place}"' in page else 'rack="k01"'
                assert f'rackwright_building_isolation{{{labels},kind="electrical",state="confirmed"}} 1' in page
                assert f'rackwright_building_isolation{{{labels},kind="electrical",state="requested"}} 0' in page
                assert f"rackwright_building_isolation_overdue{{{labels}}} 1" in page
                assert f"rackwright_building_heard{{{labels}}} 1" in page
                rack.building = None
                assert (await client.get(f"{V1}/racks/k01/building")).json()["agreed"] is False
                assert (await client.get(f"{V1}/racks/k99/building")).status_code == 404
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            api.services.store.close()
