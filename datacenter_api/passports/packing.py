"""A decision's dossier in the name of who asked for it, over REST or on the console: made, signed, audited."""

import asyncio
import hashlib

from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.services import Services

MOST_AUDIT = 10_000


async def packed_dossier(parts: Services, who: Principal, name: str) -> bytes:
    """Return a decision with every file that it rests on as a zip.  Raises TargetUnknown."""
    from datacenter_api.passports.dossier import dossier_zip

    audited = await audited_of(parts, name)
    content = await asyncio.to_thread(lambda: dossier_zip(parts.passports.decisions(), name, audited))
    parts.store.audit(who.user, who.address, "option dossier", name, "signed", hashlib.sha256(content).hexdigest())
    return content


async def audited_of(parts: Services, name: str) -> list[dict[str, str | int | bool]]:
    """Return the decision's lines of the audit log, the oldest first."""
    rows = await asyncio.to_thread(parts.store.audited, MOST_AUDIT)
    return [r for r in reversed(rows) if r["target"] == name and r.get("chained")]
