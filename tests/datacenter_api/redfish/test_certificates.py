"""The CertificateService's actions: what a client may ask, what is refused with which message, what is audited."""

import datetime
import platform
from typing import Any

import pytest
from cryptography import x509
from support.api import PASSWORD
from support.certificates import Issued, authority, certificate, signed_request, weak_key
from support.redfish_hall import Hall

from datacenter_api.auth.authority import ensure_certificates
from rack_controller.model.roles import Role

SERVICE = "/redfish/v1/CertificateService"
GENERATE = f"{SERVICE}/Actions/CertificateService.GenerateCSR"
REPLACE = f"{SERVICE}/Actions/CertificateService.ReplaceCertificate"
COLLECTION = "/redfish/v1/Managers/rackwright/NetworkProtocol/HTTPS/Certificates"
SHOWN = f"{COLLECTION}/1"
ROOT = authority()
WISH: dict[str, Any] = {"CommonName": "rack.example", "CertificateCollection": {"@odata.id": COLLECTION}}


@pytest.fixture
def hall(hall: Hall) -> Hall:
    now = datetime.datetime.now(datetime.UTC)
    ensure_certificates(hall.api.services.state / "tls", ["127.0.0.1"], now)
    return hall


def replacing(text: str, **more: Any) -> dict[str, Any]:
    link = {"@odata.id": SHOWN}
    return {"CertificateString": text, "CertificateType": "PEMchain", "CertificateUri": link, **more}


def whole(issued: Issued) -> str:
    return issued.text + ROOT.text + issued.key_text


async def post(hall: Hall, uri: str, body: Any, user: str = "admin") -> tuple[int, Any]:
    async with hall.api.client(user) as client:
        answer = await client.post(uri, json=body)
    return answer.status_code, answer.json() if answer.content else None


def message(said: Any) -> str:
    return str(said["error"]["@Message.ExtendedInfo"][0]["MessageId"]).rsplit(".", 1)[1]


async def test_a_request_is_made_signed_and_served_and_each_step_is_audited(hall: Hall) -> None:
    service = await hall.get("/CertificateService")
    for action, target in (("GenerateCSR", GENERATE), ("ReplaceCertificate", REPLACE)):
        offered = service["Actions"][f"#CertificateService.{action}"]
        assert offered["target"] == target
        info = await hall.get(offered["@Redfish.ActionInfo"].removeprefix("/redfish/v1"))
        assert {"Name", "Required", "DataType"} <= set(info["Parameters"][0])
    names = {"AlternativeNames": ["10.0.0.1"], "Organization": "Site", "Email": "ops@rack.example"}
    status, made = await post(hall, GENERATE, WISH | names)
    assert status == 200
    assert made["CertificateCollection"] == {"@odata.id": COLLECTION}
    request = x509.load_pem_x509_csr(made["CSRString"].encode())
    assert request.is_signature_valid
    status, _ = await post(hall, REPLACE, replacing(signed_request(ROOT, made["CSRString"]) + ROOT.text))
    assert status == 204
    shown = await hall.get(SHOWN.removeprefix("/redfish/v1"))
    assert shown["Subject"]["Organization"] == "Site"
    assert shown["Subject"]["AlternativeNames"] == ["rack.example", "10.0.0.1"]
    assert shown["Issuer"]["CommonName"] == "Site authority"
    assert "PRIVATE" not in shown["CertificateString"]
    audited = [row for row in hall.api.services.store.audited(10) if str(row["what"]).startswith("certificate.")]
    assert [(row["what"], row["outcome"]) for row in audited] == [
        ("certificate.replace", "ok"),
        ("certificate.request", "ok"),
    ]


@pytest.mark.parametrize(
    "algorithm", [{"KeyPairAlgorithm": "TPM_ALG_RSA", "KeyBitLength": 2048}, {"KeyCurveId": "TPM_ECC_NIST_P384"}]
)
async def test_the_kind_of_key_is_the_one_asked_for(hall: Hall, algorithm: dict[str, Any]) -> None:
    _, made = await post(hall, GENERATE, WISH | algorithm)
    public: Any = x509.load_pem_x509_csr(made["CSRString"].encode()).public_key()
    assert public.key_size == (2048 if "KeyBitLength" in algorithm else 384)


MISSING, KIND, FORMAT = "ActionParameterMissing", "ActionParameterValueTypeError", "ActionParameterValueFormatError"
LIST, ODD, VALUE = "ActionParameterValueNotInList", "ActionParameterNotSupported", "ActionParameterValueError"
BAD_REQUESTS = [
    ({"CommonName": "x"}, MISSING),
    ({"CertificateCollection": {"@odata.id": COLLECTION}}, MISSING),
    (WISH | {"CertificateCollection": 3}, KIND),
    (WISH | {"CertificateCollection": {"@odata.id": "/redfish/v1/Managers"}}, VALUE),
    (WISH | {"CommonName": 3}, KIND),
    (WISH | {"CommonName": "x" * 300}, FORMAT),
    (WISH | {"CommonName": "räck"}, VALUE),
    (WISH | {"Country": "Holland"}, VALUE),
    (WISH | {"AlternativeNames": "x"}, KIND),
    (WISH | {"AlternativeNames": [""]}, FORMAT),
    (WISH | {"AlternativeNames": ["x"] * 101}, "ArraySizeTooLong"),
    (WISH | {"KeyPairAlgorithm": "TPM_ALG_SM2"}, LIST),
    (WISH | {"KeyPairAlgorithm": 1}, KIND),
    (WISH | {"KeyBitLength": 1024}, LIST),
    (WISH | {"KeyBitLength": True}, KIND),
    (WISH | {"ChallengePassword": "x"}, ODD),
]


async def test_each_bad_request_has_its_message_and_leaves_no_key(hall: Hall) -> None:
    for body, wanted in BAD_REQUESTS:
        status, said = await post(hall, GENERATE, body)
        assert (status, message(said)) == (400, wanted), body
    assert not (hall.api.services.state / "tls" / "request.key").exists()


async def test_each_bad_certificate_has_its_message_and_changes_nothing(hall: Hall) -> None:
    good = whole(certificate(ROOT))
    cases: list[tuple[dict[str, Any], str]] = [
        (replacing(whole(certificate(ROOT, days=(-9, -1)))), VALUE),
        (replacing(whole(certificate(ROOT, days=(1, 9)))), VALUE),
        (replacing(whole(certificate(ROOT, key=weak_key()))), VALUE),
        (replacing(certificate(ROOT).text + ROOT.text), VALUE),
        (replacing(certificate(ROOT).text + ROOT.text + ROOT.key_text), VALUE),
        (replacing("rubbish"), VALUE),
        (replacing(3), KIND),  # type: ignore[arg-type]
        (replacing(good, Password=3), KIND),
        (replacing(good, CertificateType="PKCS12"), LIST),
        (replacing(good, CertificateType="PEM"), "ActionParameterValueConflict"),
        (replacing(good, CertificateType=None), KIND),
        (replacing(good, CertificateUri={"@odata.id": COLLECTION}), VALUE),
        (replacing(good, Odd=1), ODD),
        ({"CertificateString": good, "CertificateType": "PEM"}, MISSING),
        ({}, MISSING),
    ]
    folder = hall.api.services.state / "tls"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for body, wanted in cases:
        status, said = await post(hall, REPLACE, body)
        assert (status, message(said)) == (400, wanted), body
        assert "PRIVATE" not in str(said)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    refused = [row for row in hall.api.services.store.audited(50) if row["what"] == "certificate.replace"]
    assert len(refused) == len(cases)
    assert {row["outcome"] for row in refused} == {"refused"}
    assert "PRIVATE" not in str(refused)


async def test_a_name_that_goes_on_and_on_is_not_told_in_full(hall: Hall) -> None:
    long = certificate(ROOT, days=(-9, -1), name="x" * 64, parts=100)
    status, said = await post(hall, REPLACE, replacing(whole(long)))
    assert status == 400
    assert len(str(said)) < 2_000
    assert len(str(hall.api.services.store.audited(1)[0]["detail"])) <= 512


async def test_only_an_admin_may_and_a_get_is_no_action(hall: Hall) -> None:
    for role in (Role.VIEWER, Role.OPERATOR, Role.TECHNICIAN, Role.SAFETY):
        user = hall.api.user_for(role)
        for uri, body in ((GENERATE, WISH), (REPLACE, replacing(whole(certificate(ROOT))))):
            status, said = await post(hall, uri, body, user)
            assert (status, message(said)) == (403, "InsufficientPrivilege"), role
    async with hall.api.client("admin", PASSWORD) as client:
        answer = await client.get(REPLACE)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_a_controllers_certificate_is_shown_where_it_is_one(hall: Hall) -> None:
    protocol = "/Managers/k01-u12-bmc/NetworkProtocol"
    await hall.read_stock()
    where = (await hall.get(protocol))["HTTPS"]["Certificates"]["@odata.id"].removeprefix("/redfish/v1")
    listed = (await hall.get(where))["Members"]
    assert [m["@odata.id"].rsplit("/", 1)[1] for m in listed] == ["1"], "the second one does not parse"
    shown = await hall.get(f"{where}/1")
    assert shown["Subject"] == {"CommonName": "10.0.0.9", "AlternativeNames": ["10.0.0.9"]}
    assert "PRIVATE" not in shown["CertificateString"]
    assert "Certificates" not in (await hall.get("/Managers/k01-u13-bmc/NetworkProtocol"))["HTTPS"]
    async with hall.api.client() as client:
        for gone in (f"{where}/2", "/Managers/k01-u13-bmc/NetworkProtocol/HTTPS/Certificates"):
            assert (await client.get(f"/redfish/v1{gone}")).status_code == 404


async def test_this_service_says_under_which_name_and_port_it_is_reached(hall: Hall) -> None:
    at = "/Managers/rackwright/NetworkProtocol"
    assert "Port" not in (await hall.get(at))["HTTPS"], "started without server.json"
    (hall.api.services.state / "server.json").write_text('{"url": "https://127.0.0.1:8443"}')
    hall.world.changed += 1
    shown = await hall.get(at)
    assert (shown["HTTPS"]["Port"], shown["HTTP"]) == (8443, {"ProtocolEnabled": False, "Port": None})
    assert shown["HostName"] == platform.node().partition(".")[0]
