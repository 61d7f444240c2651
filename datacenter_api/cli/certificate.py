"""`rackwright certificate show|csr|replace`: the certificate that the API serves, over its Redfish service."""

from pathlib import Path
from typing import Annotated, Any

import typer

from datacenter_api.cli.connection import Connection, connect
from datacenter_api.cli.login import read_password
from datacenter_api.cli.options import As, Json, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, answer, emit, note
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

app = typer.Typer(help="The certificate that the API serves.", no_args_is_help=True)

_SERVICE = "/redfish/v1/CertificateService"
_ALL = "/redfish/v1/Managers/rackwright/NetworkProtocol/HTTPS/Certificates"
_KEYS: dict[str, dict[str, Any]] = {
    "p256": {"KeyPairAlgorithm": "TPM_ALG_ECDSA", "KeyCurveId": "TPM_ECC_NIST_P256"},
    "p384": {"KeyPairAlgorithm": "TPM_ALG_ECDSA", "KeyCurveId": "TPM_ECC_NIST_P384"},
    **{f"rsa{bits}": {"KeyPairAlgorithm": "TPM_ALG_RSA", "KeyBitLength": bits} for bits in (2048, 3072, 4096)},
}
_COLUMNS = (
    Column("SUBJECT", lambda r: r["subject"]),
    Column("ISSUER", lambda r: r["issuer"]),
    Column("NAMES", lambda r: ", ".join(r["names"])),
    Column("FROM", lambda r: r["valid_from"], wide=True),
    Column("UNTIL", lambda r: r["valid_until"]),
    Column("SHA-256", lambda r: r["fingerprint"], wide=True),
)


@app.command("show")
def show(url: Url = None, state: State = None, output: As = Output.TABLE, as_json: Json = False) -> None:
    """Show the certificate that clients are shown."""
    emit([_served(connect(url, state))], _COLUMNS, chosen(output, as_json), name="fingerprint", single=True)


@app.command("csr")
def request(
    common_name: Annotated[str, typer.Argument(help="Host name that clients know the API by.")],
    name: Annotated[list[str] | None, typer.Option("--name", help="Another host name or address; repeat it.")] = None,
    organization: Annotated[str | None, typer.Option(help="Organization in the subject.")] = None,
    country: Annotated[str | None, typer.Option(help="Country, two letters.")] = None,
    key: Annotated[str, typer.Option(help=f"Kind of key: {', '.join(_KEYS)}.")] = "p256",
    url: Url = None,
    state: State = None,
) -> None:
    """Make a key in the API and print a signing request for it (admin).  The key stays where it is."""
    if key not in _KEYS:
        raise ConfigurationError(f"no kind of key is called {key!r}", advice=f"use one of {', '.join(_KEYS)}")
    wish = {"CommonName": common_name, "CertificateCollection": {"@odata.id": _ALL}, **_KEYS[key]}
    more = {"AlternativeNames": name, "Organization": organization, "Country": country}
    wish |= {part: value for part, value in more.items() if value}
    made = connect(url, state).post(f"{_SERVICE}/Actions/CertificateService.GenerateCSR", wish)
    typer.echo(made["CSRString"], nl=False)
    note("have it signed, then: rackwright certificate replace CHAIN.pem")


@app.command("replace")
def replace(
    chain: Annotated[Path, typer.Argument(help="PEM file: the certificate, then its issuers.")],
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM), unless the API made it.")] = None,
    ca: Annotated[Path | None, typer.Option(help="The root that issued it, where the chain has none.")] = None,
    key_password_file: Annotated[Path | None, typer.Option(help="File with the key's password.")] = None,
    url: Url = None,
    state: State = None,
) -> None:
    """Serve another certificate from now on (admin).  Open connections go on; nothing is restarted."""
    text = "\n".join(_read(file) for file in (chain, ca, key) if file is not None)
    wish = {"CertificateString": text, "CertificateType": "PEMchain", "CertificateUri": {"@odata.id": f"{_ALL}/1"}}
    if key_password_file is not None:
        wish["Password"] = read_password(key_password_file, "the key", environment=False)
    link = connect(url, state)
    link.post(f"{_SERVICE}/Actions/CertificateService.ReplaceCertificate", wish)
    try:
        served = _served(link)
    except EnvironmentUnfit as err:
        answer("replaced")
        note(f"but now {err}")
        return
    answer(f"{link.server.url} serves {served['subject']} until {served['valid_until']}")


def _served(link: Connection) -> Row:
    seen = link.get(f"{_ALL}/1")
    subject, issuer = seen["Subject"], seen["Issuer"]
    return {
        "subject": subject.get("CommonName", ""),
        "issuer": issuer.get("CommonName") or issuer.get("Organization", ""),
        "names": subject.get("AlternativeNames", []),
        "valid_from": seen["ValidNotBefore"],
        "valid_until": seen["ValidNotAfter"],
        "fingerprint": seen["Fingerprint"],
    }


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {file}: {getattr(err, 'strerror', None) or err}") from err
