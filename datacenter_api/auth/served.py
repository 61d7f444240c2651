"""The certificate that the API serves, and how another takes its place: whole or not at all, without a restart.

What is served is always verified by `tls/ca.pem`: the root of a foreign chain is put there beside our own authority.
"""

import contextlib
import datetime
import itertools
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from datacenter_api.auth.authority import FOREIGN, ServerFiles, server_files
from datacenter_api.auth.offer import Offer, read_offer
from datacenter_api.auth.pem import PrivateKey, chain_text, hosts_of, key_text, write_whole
from datacenter_api.auth.signing_request import request_text
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit

REQUESTED = "request.key"
"""The key of the newest signing request; it goes with the certificate that is made from it."""
_ROUNDS = 4
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")
"""Where Debian's, Red Hat's and SUSE's families keep the roots that a machine trusts."""


def _unserved(_files: ServerFiles) -> None:
    """Nothing is served by this process."""


@dataclass
class ServedCertificate:
    """The certificate in `directory`.  `show` is called with the files of a new one, for whoever listens."""

    directory: Path
    show: Callable[[ServerFiles], None] = field(default=_unserved)

    @property
    def files(self) -> ServerFiles:
        """Return the files that are served now."""
        return server_files(self.directory)

    def chain(self) -> list[x509.Certificate]:
        """Return what clients are shown, the server's own first; empty where there is none that can be read."""
        try:
            return x509.load_pem_x509_certificates(self.files.certificate.read_bytes())
        except (OSError, ValueError):
            return []

    def request(self, key: PrivateKey, name: Mapping[str, str], hosts: Sequence[str]) -> str:
        """Return a signing request and keep its key in place of an earlier one's.  Raises ConfigurationError."""
        text = request_text(key, name, hosts)
        self._write(REQUESTED, key_text(key), 0o600)
        return text

    def replace(self, text: str, password: str | None, now: datetime.datetime) -> x509.Certificate:
        """Serve the chain in a PEM text from now on, and return its certificate.

        The key is in the text, or ours: of the newest signing request or of what is served.  Open connections go on.
        Raises ConfigurationError for what breaks a rule, and then nothing has changed; EnvironmentUnfit.
        """
        authority = self._authority()
        offer = read_offer(text, password, list(self._keys()), itertools.chain([authority], _machine_roots()), now)
        trust = chain_text([authority] if offer.root == authority else [authority, offer.root])
        content = key_text(offer.key) + chain_text(offer.chain)
        self._write(".offered.pem", content, 0o600)
        try:
            _try_out(self.directory / ".offered.pem", trust.decode(), offer)
        finally:
            (self.directory / ".offered.pem").unlink(missing_ok=True)
        self._keep(content, trust)
        return offer.chain[0]

    def _keep(self, content: bytes, trust: bytes) -> None:
        """Trust first what comes and what goes; so a machine that stops on the way serves what is trusted."""
        before = self.files.ca_file.read_bytes()
        self._write("ca.pem", trust + before, 0o644)
        self._write(FOREIGN, content, 0o600)
        self._write("ca.pem", trust, 0o644)
        (self.directory / REQUESTED).unlink(missing_ok=True)
        self.show(self.files)

    def _keys(self) -> Iterator[PrivateKey]:
        for file in (self.directory / REQUESTED, self.files.key):
            try:
                key = serialization.load_pem_private_key(file.read_bytes(), None)
            except FileNotFoundError:
                continue
            except (OSError, ValueError, TypeError) as err:
                raise EnvironmentUnfit(f"{file} cannot be read: {err}", advice="move it away") from err
            if isinstance(key, PrivateKey):
                yield key

    def _authority(self) -> x509.Certificate:
        file = self.files.ca_file
        try:
            return x509.load_pem_x509_certificate(file.read_bytes())
        except (OSError, ValueError) as err:
            raise EnvironmentUnfit(f"{file} cannot be read: {err}", advice="restart the API: it makes one") from err

    def _write(self, name: str, content: bytes, mode: int) -> None:
        try:
            write_whole(self.directory / name, content, mode)
        except OSError as err:
            raise EnvironmentUnfit(
                f"cannot write {self.directory / name}: {err.strerror}", advice="free space or fix permissions"
            ) from err


def _machine_roots() -> Iterator[x509.Certificate]:
    """Yield the roots that this machine trusts, as far as they are in one file; what cannot be read is no root."""
    file = next((f for f in (ssl.get_default_verify_paths().cafile, *_BUNDLES) if f and Path(f).is_file()), None)
    if file is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    for der in context.get_ca_certs(binary_form=True):
        try:
            with warnings.catch_warnings(action="ignore"):  # some roots are older than today's rules
                root = x509.load_der_x509_certificate(der)
        except ValueError:
            continue
        yield root


def _try_out(file: Path, trust: str, offer: Offer) -> None:
    """Let a client that trusts `trust` connect to a server with `file`, in memory: what it refuses is not served."""
    host = hosts_of(offer.chain[0])[0].replace("*", "any")
    try:
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(file)
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ssl.create_default_context(cadata=trust).wrap_bio(down, up, server_hostname=host)
        server = ours.wrap_bio(up, down, server_side=True)
        for end in (client, server) * _ROUNDS:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
        client.do_handshake()
    except (ssl.SSLError, ValueError) as err:
        why = getattr(err, "verify_message", None) or getattr(err, "reason", None) or err
        raise ConfigurationError(f"clients would refuse it: {why}") from err
