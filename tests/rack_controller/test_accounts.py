"""An endpoint's own vault entry: its SSH consoles log in with the same account and go with it."""

from pathlib import Path

from firmware_bridge.credentials.vault import Credential, Vault
from firmware_bridge.drivers import EventListener, SerialLines
from firmware_bridge.generations.site_edit import SiteDraft
from firmware_bridge.generations.site_file import read_site
from rack_controller.accounts import give_own_entry
from rack_controller.assemble import FileDesk
from rack_controller.assemble_consoles import console_shop
from rack_controller.run.clock import SystemClock

RACK = "lab1/a/r01/k01"
PIN = f"sha256//{'A' * 43}="
SITE = f"""kind: site
schema_version: 1
site: lab1
racks:
- {{place: {RACK}, generation: gb200-nvl72}}
endpoints:
- {{place: {RACK}/u12/bmc, address: 192.0.2.12, port: 443, pin: {PIN}, credential: hall/bmc}}
- {{place: {RACK}/u13/bmc, address: 192.0.2.13, port: 443, pin: {PIN}, credential: hall/bmc}}
consoles:
- {{place: {RACK}/u12/console, address: 192.0.2.12, port: 2200, credential: hall/bmc}}
- {{place: {RACK}/u13/console, address: 192.0.2.13, port: 2200, credential: hall/bmc}}
- {{place: {RACK}/u14/console, address: 192.0.2.12, port: 22, credential: hall/terminal}}
"""


def test_the_consoles_of_the_same_controller_go_with_it_and_no_others(tmp_path: Path) -> None:
    file, vault = tmp_path / "site.yaml", Vault(tmp_path / "credentials")
    file.write_text(SITE)
    vault.store("hall/bmc", Credential("root", "old"))
    draft = SiteDraft(file)
    account = give_own_entry(draft, draft.site.endpoints[0], vault, "new-secret")
    assert account.name == "k01/u12-bmc"
    consoles = {c.place.split("/")[-2]: c.credential for c in read_site(file).consoles}
    assert consoles == {"u12": "k01/u12-bmc", "u13": "hall/bmc", "u14": "hall/terminal"}
    assert vault.fetch("k01/u12-bmc").secret == "old", "until the new one is proven"
    again = SiteDraft(file)
    give_own_entry(again, again.site.endpoints[0], vault, "newer-secret")
    assert read_site(file).consoles == draft.site.consoles


def test_a_console_that_is_read_already_takes_its_new_entry_at_the_next_login(tmp_path: Path) -> None:
    file, vault = tmp_path / "site.yaml", Vault(tmp_path / "credentials")
    file.write_text(SITE)
    vault.store_all({name: Credential("root", "old") for name in ("hall/bmc", "hall/terminal")})
    site, clock = read_site(file), SystemClock()
    desk = FileDesk(file, vault, clock, SerialLines(clock), (), EventListener())
    shop = console_shop(site, vault, clock, tmp_path, (), desk.console_entries)
    ask = {c.place: shop._credential(c) for c in site.consoles[:2]}
    desk.own_account(site.endpoints[0].place, "new-secret")
    vault.promote("k01/u12-bmc")
    assert [get().secret for get in ask.values()] == ["new-secret", "old"]
