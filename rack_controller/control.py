"""The controller process, `python -m rack_controller --state DIR [--site FILE]`, as `rackwright up` starts it."""

import logging
import os
import sys
from pathlib import Path

import uvloop

from firmware_bridge.credentials.vault import Vault
from firmware_bridge.installation import note_site_file, own_generations
from firmware_bridge.long_running import settled
from firmware_bridge.one_line import OneLineParser
from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.assemble import assemble
from rack_controller.audit_log import AuditLog
from rack_controller.run.audited import WRITER, Audited
from rack_controller.run.bus import Bus, BusAddress
from rack_controller.run.clock import SystemClock
from rack_controller.run.journal import Journal
from rack_controller.service import ControllerFiles, new_boot_id, run_racks


def main() -> int:
    """Run until stopped.  Returns the exit code of the contract; an error is one line on stderr."""
    parser = OneLineParser(prog="rackwright control", description="Control the racks of one site.")
    parser.add_argument("--state", type=Path, required=True, help="state directory")
    parser.add_argument("--site", type=Path, help="site file (default: site.yaml in the state directory)")
    parser.add_argument("--log-level", default=os.environ.get("RACKWRIGHT_LOG", "INFO"))
    try:
        options = parser.parse_args()
        logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        uvloop.run(_run(ControllerFiles(options.state), options.site))
    except RackwrightError as err:
        sys.stderr.write(f"rackwright control: {err}\n")
        return err.exit_code
    return 0


async def _run(files: ControllerFiles, site_file: Path | None) -> None:
    journal = Journal(files.journal)
    try:
        site = site_file or files.site
        note_site_file(files.state, site)
        search = own_generations(files.state, site)
        vault = Vault(files.credentials)
        clock, logs, audited = SystemClock(), files.console_logs, Audited(AuditLog(files.audit, WRITER))
        found = (site, vault, journal, clock, new_boot_id(), search, logs, audited)
        assembly = assemble(*found, images=files.images, broker=files.nats)
        settled()
        address = BusAddress(files.bus_url.read_text().strip(), files.bus_seed)
        bus = Bus(address, assembly.site.name, "rack-controller")
        await run_racks(assembly.racks, bus, audited, assembly.building, assembly.budget)
    finally:
        journal.close()
