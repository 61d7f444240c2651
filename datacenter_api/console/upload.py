"""Forms that hand a file in: what `upload.js` sends to REST, in the name of who is logged in.  Pure.

The file goes whole to the route that the command line uses: it is judged there, and kept whole or not at all.
"""

from collections.abc import Sequence

from datacenter_api.console.button_kinds import ButtonKind
from datacenter_api.console.wording import esc
from datacenter_api.routes import MOST_EVIDENCE_BYTES, MOST_IMAGE_BYTES

SCRIPT = '<script src="/assets/upload.js" defer></script>'
_MIB = 1024 * 1024
_REPLACES = (
    "Records of every place that this file names are replaced. The file that they came from stays in the list of "
    "imports, they count no longer, and claims are worked out anew."
)


def draw_passport_upload() -> str:
    """Return the form for a factory's as-built records."""
    rack = (
        '<label>Rack<input type="text" name="rack" maxlength="256" autocomplete="off" '
        'placeholder="site/hall/row/rack, where places begin below it"></label>'
    )
    replace = (
        '<label class="check"><input type="checkbox" name="replace"> Replace records of places that have one</label>'
        f'<p class="replaces sev-warning">▲ {_REPLACES}</p>'
    )
    return _form("Hand in as-built records", "/api/v1/passports/imports", MOST_IMAGE_BYTES, rack + replace)


def draw_floor_upload(racks: Sequence[str]) -> str:
    """Return the form for what the test floor measured of a rack; `racks`: those that are known."""
    known = "".join(f'<option value="{esc(rack)}">' for rack in racks)
    first = esc(racks[0]) if len(racks) == 1 else ""
    rack = (
        f'<label>Rack<input type="text" name="rack" maxlength="256" autocomplete="off" list="floor-racks" required '
        f'value="{first}" placeholder="k01"></label><datalist id="floor-racks">{known}</datalist>'
        '<label>Generation<input type="text" name="generation" maxlength="64" autocomplete="off" '
        'placeholder="of a rack that no site file has"></label>'
    )
    return _form("Hand in what the floor measured", "/api/v1/acceptance/floor", MOST_EVIDENCE_BYTES, rack)


def _form(title: str, to: str, most: int, more: str) -> str:
    return (
        f'<h2>{esc(title)}</h2><form class="upload" data-to="{to}" data-most="{most}"><div class="uploadrow">'
        '<label>File (CSV or JSON)<input type="file" name="file" accept=".csv,.json,text/csv,application/json" '
        f'required></label>{more}<button type="submit" class="{ButtonKind.ACT.classes}">Hand it in</button></div>'
        '<p class="quiet">At most '
        f"{most // _MIB} MiB. It is kept whole or, where anything in it is wrong, not at all.</p>"
        '<div class="uploadsaid" role="status" aria-live="polite"></div></form>'
    )
