"""Firmware images over REST: handed in, listed, refused when they are none, and only by those who may."""

import pytest
from support.api import Api
from support.packages import BMC, package

from datacenter_api.routes import MOST_IMAGE_BYTES
from rack_controller.model.roles import Role

IMAGES = "/api/v1/firmware/images"
LARGE = package((BMC, "25.10"), image=b"\x00\xff" * 800_000)


async def test_an_image_larger_than_any_other_body_is_taken_and_listed(api: Api) -> None:
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        assert (await client.get(IMAGES)).json() == []
        taken = await client.post(IMAGES, params={"name": "bmc.fwpkg"}, content=LARGE)
        assert (taken.status_code, taken.json()["size"]) == (201, len(LARGE))
        (listed,) = (await client.get(IMAGES)).json()
        assert listed == taken.json()
    (audited,) = [r for r in api.services.store.audited(5) if r["what"] == "firmware image"]
    assert (audited["outcome"], audited["target"]) == ("kept", "bmc.fwpkg")


async def test_what_is_no_image_is_refused_with_what_is_wrong(api: Api) -> None:
    async with api.client(api.user_for(Role.OPERATOR)) as client:
        answer = await client.post(IMAGES, content=LARGE[:-1])
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "arguments_invalid")
        assert "this is no firmware image: component 0x0010 ends at byte" in answer.json()["error"]["message"]
        answer = await client.post(IMAGES, content=b"x", headers={"content-length": str(MOST_IMAGE_BYTES + 1)})
        assert answer.status_code == 413
        assert (await client.get(IMAGES)).json() == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.TECHNICIAN, Role.SAFETY])
async def test_who_may_not_write_firmware_hands_none_in(api: Api, role: Role) -> None:
    async with api.client(api.user_for(role)) as client:
        assert (await client.post(IMAGES, content=LARGE)).status_code == 403
