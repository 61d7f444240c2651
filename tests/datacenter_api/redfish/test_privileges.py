"""The privilege registry says what the service enforces; the certificate is the one that is served."""

import datetime
from typing import Any

from support.redfish_hall import Hall

from datacenter_api.auth.authority import ensure_certificates
from datacenter_api.redfish.privileges import CHANGES, ways

ROOT = "/redfish/v1"
OF_SERVICE = "/Managers/rackwright/NetworkProtocol/HTTPS/Certificates"
PLACES = (
    *("", "/AccountService", "/AccountService/Accounts", "/AccountService/Accounts/admin", "/Chassis/k01-u12"),
    *("/EventService", "/EventService/Subscriptions", "/Systems/k01-u12", "/CertificateService", "/Chassis/k01"),
)


async def test_the_registry_maps_every_kind_of_resource(hall: Hall) -> None:
    registry = await hall.get("/AccountService/PrivilegeMap")
    mapped = {m["Entity"]: m["OperationMap"] for m in registry["Mappings"]}
    used = {p for m in mapped.values() for allowed in m.values() for way in allowed for p in way["Privilege"]}
    assert used == set(registry["PrivilegesUsed"])
    assert mapped["ManagerAccount"]["DELETE"] == [{"Privilege": ["ConfigureUsers"]}]
    assert mapped["Chassis"]["PATCH"] == [{"Privilege": ["ConfigureComponents"]}]
    file = await hall.get("/Registries/Rackwright_1.0_PrivilegeRegistry")
    assert file["Location"][0]["Uri"] == registry["@odata.id"]
    assert (await hall.get("/AccountService"))["PrivilegeMap"] == {"@odata.id": registry["@odata.id"]}


async def test_what_a_resource_allows_asks_for_no_more_than_the_registry_says(hall: Hall) -> None:
    source: Any = hall.api.gate.redfish.open().service.source  # type: ignore[union-attr]
    async with hall.api.client() as client:
        for place in PLACES:
            answer = await client.get(ROOT + place)
            entity = answer.json()["@odata.type"].lstrip("#").split(".")[0]
            for method in set(answer.headers["allow"].split(", ")) & set(CHANGES):
                asked = source.privilege(ROOT + place, method)
                told = {privilege for way in ways(entity, method) for privilege in way}
                # An account's own password needs the least of all; the rest is asked where it happens.
                assert asked in told | {"ConfigureSelf"}, (place, method)


async def test_the_services_certificate_is_shown_and_its_key_is_not(hall: Hall) -> None:
    assert (await hall.get(OF_SERVICE))["Members"] == []
    files = ensure_certificates(hall.api.services.state / "tls", ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
    (member,) = (await hall.get("/CertificateService/CertificateLocations"))["Links"]["Certificates"]
    shown = await hall.get(member["@odata.id"].removeprefix(ROOT))
    assert shown["CertificateString"] == files.certificate.read_text()
    assert "PRIVATE" not in shown["CertificateString"]
    assert shown["Subject"]["CommonName"] == "Rackwright API"
    assert "127.0.0.1" in shown["Subject"]["AlternativeNames"]
    assert shown["KeyUsage"] == ["DigitalSignature", "ServerAuthentication"]
    assert all(len(part) == 2 for part in shown["SerialNumber"].split(":"))
    assert shown["ValidNotAfter"] > shown["ValidNotBefore"]
    async with hall.api.client() as client:
        for path in ("/Managers/k01-u12-bmc/NetworkProtocol/HTTPS/Certificates/1", f"{OF_SERVICE}/2"):
            assert (await client.get(ROOT + path)).status_code == 404
