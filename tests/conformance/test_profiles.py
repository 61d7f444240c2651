"""The Open Compute Project's profiles held against the whole service: no failure that explained.yaml does not name.

Needs `.venv-peers` (`make conformance` makes it) and the profiles of ../shared/conform.
"""

from collections import Counter
from pathlib import Path

import pytest
from support.explained import judge, read
from support.product import Product
from support.validators import PROFILES, validator_rows

PROFILES_BY_NAME, EXPLAINED = read()
LEAST_CHECKS = 500

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


def places_of(hall: Product) -> dict[str, list[str]]:
    """Return the ids that each kind of place has in this hall."""
    members = [m["@odata.id"].rsplit("/", 1)[1] for m in hall.get("/redfish/v1/Chassis")["Members"]]
    places: dict[str, list[str]] = {"rack": [name for name in members if "-" not in name]}
    for rack in places["rack"]:
        for tray in hall.get(f"/api/v1/racks/{rack}/layout")["trays"]:
            for kind in (tray["kind"], "tray"):
                places.setdefault(kind, []).append(f"{rack}-{tray['place'].rsplit('/', 1)[1]}")
    places["shelf"] = [*places["power_shelf"], *places["battery_shelf"]]
    return places


@pytest.mark.parametrize("name", PROFILES_BY_NAME)
def test_a_profile_fails_nothing_that_is_not_explained(hall: Product, name: str, tmp_path: Path) -> None:
    profile = PROFILES_BY_NAME[name]
    file = PROFILES / f"{profile.file}.json"
    if not file.exists():
        pytest.skip(f"needs the profile {file}")
    rows = validator_rows(hall, "rf_interop_validator", tmp_path, "--logdir", str(tmp_path), str(file))
    count = Counter(row["Result"] for row in rows)
    left, needless = judge(rows, profile, PROFILES_BY_NAME, EXPLAINED, places_of(hall))
    known = count["FAIL"] - len(left)
    print(f"conformance/{name}_fail {len(left)} ({count['PASS']} passed, {known} failures explained)")
    for row in left:  # at once: a run of all profiles takes long
        print(f"  not explained: {row['URI'] or row.get('Resource Type')} {row['Property']}: {row['Message']}")
    assert left == []
    assert needless == []
    assert count["PASS"] >= LEAST_CHECKS
