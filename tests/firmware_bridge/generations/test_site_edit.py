"""An operator's file stays an operator's file: comments, order and spelling survive, or nothing is written."""

from dataclasses import replace
from pathlib import Path

import pytest

from firmware_bridge.generations.site_edit import SiteDraft
from firmware_bridge.generations.site_file import read_site
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import SiteEndpoint

PIN, OTHER = f"sha256//{'A' * 43}=", f"sha256//{'B' * 42}/="
RACK = "tx1/a/r03/k07"
HEAD = f"""kind: site
schema_version: 1
site: tx1  # the big one
racks:
- {{place: {RACK}, generation: gb200-nvl72}}
"""
FLOW = f"""endpoints:
# upper half
- {{place: {RACK}/u12/bmc, address: 10.4.7.12, port: 443, credential: k07/compute}}  # Ada's tray
- {{place: {RACK}/u13/bmc, address: 10.4.7.13, port: 443, pin: {PIN}, credential: k07/compute}}
# end of the rack
feeds: {{a: west}}
"""
BLOCK = f"""endpoints:
  - place: {RACK}/u12/bmc   # Ada's tray
    address: 10.4.7.12
    port: 443
    credential: k07/compute

  # below
  - place: {RACK}/u13/bmc
    address: 10.4.7.13
    port: 443
    pin: {PIN}   # from the web page
    credential: k07/compute
# end of the rack
"""
ONE_LINE = f"endpoints: [{{place: {RACK}/u13/bmc, address: 10.4.7.13, port: 443, pin: {PIN}}}]\n"
EMPTY = "endpoints: []\n"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(HEAD + text)
    return file


def at(file: Path, slot: str) -> SiteEndpoint:
    return next(e for e in read_site(file).endpoints if e.place == f"{RACK}/{slot}/bmc")


@pytest.mark.parametrize("text", [FLOW, BLOCK, BLOCK.rstrip("\n")])
def test_a_field_is_set_and_everything_else_stays(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    draft = SiteDraft(file)
    draft.put(replace(at(file, "u12"), pin=OTHER))
    draft.put(replace(at(file, "u13"), pin=OTHER, credential="k07/u13-bmc"))
    draft.save()
    assert at(file, "u12").pin == at(file, "u13").pin == OTHER
    assert at(file, "u13").credential == "k07/u13-bmc"
    assert at(file, "u12").credential == "k07/compute"
    after, before = file.read_text(), (tmp_path / "site.yaml.before").read_text()
    assert before == HEAD + text
    for remark in ("# the big one", "# Ada's tray", "# end of the rack"):
        assert remark in after
    assert len(after.splitlines()) - len(before.splitlines()) == (0 if "{place" in text else 1)


@pytest.mark.parametrize("text", [FLOW, BLOCK, ONE_LINE, EMPTY, BLOCK.rstrip("\n")])
def test_an_entry_is_added_behind_the_others(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    new = SiteEndpoint(Place(f"{RACK}/u14/bmc"), "fd00::14", 8443, None, OTHER, "k07/compute")
    draft = SiteDraft(file)
    known = read_site(file).endpoints
    draft.put(new)
    assert not (tmp_path / "site.yaml.before").exists()  # nothing is written before it is said
    draft.save()
    assert read_site(file).endpoints == (*known, new)
    for remark in [line for line in text.splitlines() if line.startswith("#")]:
        assert remark in file.read_text()


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    file = written(tmp_path, FLOW)
    draft = SiteDraft(file)
    draft.put(replace(at(file, "u12"), pin=OTHER))
    file.write_text(file.read_text() + "# a colleague was here\n")
    with pytest.raises(ConfigurationError, match="changed since"):
        draft.save()
    assert file.read_text().endswith("# a colleague was here\n")
    assert not (tmp_path / "site.yaml.before").exists()


SHARED = f"""endpoints:
- {{place: {RACK}/u13/bmc, address: 10.4.7.13, port: 443, pin: &pin '{PIN}'}}
- {{place: {RACK}/u12/bmc, address: 10.4.7.12, port: 443, pin: *pin}}
"""
FOLDED = f"""endpoints:
- place: {RACK}/u12/bmc
  address: 10.4.7.12
  port: 443
  pin: >-
    {PIN}
"""


@pytest.mark.parametrize("text", [SHARED, FOLDED])
def test_what_cannot_be_edited_safely_is_refused_with_the_line_to_write(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    draft = SiteDraft(file)
    with pytest.raises(ConfigurationError, match="cannot be edited safely") as refused:
        draft.put(replace(at(file, "u12"), pin=OTHER))
    assert OTHER in refused.value.advice
    assert file.read_text() == HEAD + text


def test_a_merge_key_is_pointed_at_and_not_a_traceback(tmp_path: Path) -> None:
    file = written(tmp_path, f"endpoints:\n- {{<<: {{port: 443}}, place: {RACK}/u12/bmc, address: 10.4.7.12}}\n")
    with pytest.raises(FileInvalid, match=r"site\.yaml:7"):
        SiteDraft(file)


CONSOLES = f"""consoles:
- {{place: {RACK}/u12/console, address: 10.4.7.12, port: 2200, credential: k07/compute}}  # by its BMC
- place: {RACK}/u13/console
  address: 10.4.7.13
  port: 2200
  credential: k07/compute
"""


def test_a_console_gets_another_vault_entry_and_nothing_else_changes(tmp_path: Path) -> None:
    file = written(tmp_path, FLOW + CONSOLES)
    for slot in ("u12", "u13"):
        draft = SiteDraft(file)
        console = next(c for c in draft.site.consoles if c.place == f"{RACK}/{slot}/console")
        draft.put_console(replace(console, credential=f"k07/{slot}-bmc"))
        draft.save()
    text = (
        HEAD
        + FLOW
        + CONSOLES.replace("2200, credential: k07/compute", "2200, credential: k07/u12-bmc").replace(
            "2200\n  credential: k07/compute", "2200\n  credential: k07/u13-bmc"
        )
    )
    assert file.read_text() == text
    assert [c.credential for c in read_site(file).consoles] == ["k07/u12-bmc", "k07/u13-bmc"]
