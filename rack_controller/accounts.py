"""The account by which one endpoint is read: its device, its vault entry and its site entry, held together."""

from dataclasses import dataclass, replace

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers.redfish.contact import Door
from firmware_bridge.drivers.redfish.rotate import PinnedAccounts
from firmware_bridge.generations.site_edit import SiteDraft
from firmware_bridge.vocabulary.errors import TargetUnknown
from firmware_bridge.vocabulary.place import Place, slug
from firmware_bridge.vocabulary.site import Site, SiteConsole, SiteEndpoint


@dataclass(slots=True)
class EndpointAccount:
    """One endpoint's account; see `firmware_bridge.ports.enrolment.Account`."""

    place: Place
    name: str
    vault: Vault
    device: PinnedAccounts
    promoted: bool = False

    @property
    def pending(self) -> bool:
        """Return whether the vault holds a second password that may be the device's."""
        return self.vault.pending(self.name) is not None

    @property
    def factory(self) -> bool:
        """Return whether the password is one that the device came with."""
        return self.vault.is_factory(self.name)

    async def change(self) -> None:
        """Log in with the old password and ask for the new one.  Raises DeviceError: the old one stands."""
        current, new = self.vault.fetch(self.name), self._new()
        login = await self.device.log_in(current)
        try:
            await self.device.set_password(login, current.user, new.secret)
        finally:
            await self.device.log_out(login)

    async def prove(self, new: bool) -> None:
        """Log in once, with the new password or the old one.  Raises LoginRefused and what else goes wrong."""
        login = await self.device.log_in(self._new() if new else self.vault.fetch(self.name))
        await self.device.log_out(login)

    def promote(self) -> None:
        """Let the new password take the old one's place; it is no factory's."""
        self.vault.promote(self.name)
        self.promoted = True

    def drop(self) -> None:
        """Forget the new password."""
        self.vault.drop_pending(self.name)

    def _new(self) -> Credential:
        pending = self.vault.pending(self.name)
        if pending is None:
            raise TargetUnknown(f"no second password of {self.place} is in the vault")
        return pending


def account_of(endpoint: SiteEndpoint, vault: Vault) -> EndpointAccount:
    """Return the account of an endpoint.  Raises TargetUnknown for one that has none."""
    if endpoint.address is None or endpoint.port is None or endpoint.pin is None or endpoint.credential is None:
        raise TargetUnknown(f"{endpoint.place} has no account", advice="only pinned HTTPS endpoints have one")
    door = Door(endpoint.place, endpoint.address, endpoint.port)
    return EndpointAccount(endpoint.place, endpoint.credential, vault, PinnedAccounts(door, endpoint.pin))


def give_own_entry(draft: SiteDraft, endpoint: SiteEndpoint, vault: Vault, secret: str) -> EndpointAccount:
    """Put a new password beside the old one into a vault entry of this endpoint alone, and name it in the site file.

    Entries may serve many endpoints; one password for all ends here.  The SSH consoles of the same controller log in
    with the same account and go with it.  Raises ConfigurationError, EnvironmentUnfit.
    """
    old = account_of(endpoint, vault)
    name = own_name(endpoint.place)
    vault.begin_change(name, vault.fetch(old.name), secret, factory=vault.is_factory(old.name))
    if name != endpoint.credential:
        draft.put(replace(endpoint, credential=name))
        for console in consoles_of(draft.site, endpoint):
            draft.put_console(replace(console, credential=name))
        draft.save()
    return replace(old, name=name)


def consoles_of(site: Site, endpoint: SiteEndpoint) -> tuple[SiteConsole, ...]:
    """Return the SSH consoles that an endpoint's own controller offers: at its address, by its vault entry."""
    return tuple(
        c
        for c in site.consoles
        if c.address is not None and c.address == endpoint.address and c.credential == endpoint.credential
    )


def own_name(place: Place) -> str:
    """Return the name of an endpoint's own vault entry: `k07/u12-bmc`."""
    parts = place.split("/")
    return f"{slug(parts[3])}/{slug('-'.join(parts[4:]))}"
