"""The hardware BOM: valid by CycloneDX's own schema, read by its own library, and read back by us without a loss."""

import csv
import io
import json

import msgspec
import pyarrow as pa
import pytest
from cyclonedx.model.bom import Bom
from support.as_built import RACK, csv_of, files, judged, part, records, small_rack, step
from support.cyclonedx_schema import schema_faults

from rack_controller.prove.as_csv import as_csv
from rack_controller.prove.batches import batches_of
from rack_controller.prove.check_as_built import in_order
from rack_controller.prove.claim import OriginClaim
from rack_controller.prove.cyclonedx import Document, Heading, hardware_bom
from rack_controller.prove.fields import PROCESSES, STEP_FIELDS
from rack_controller.prove.fit import PartSwap
from rack_controller.prove.openings import TOTAL
from rack_controller.prove.origin import claim_of
from rack_controller.prove.recheck import Told, read_bom, work_out, wrong_claims
from rack_controller.prove.redact import COMMITMENT, redact, wrong_openings
from rack_controller.prove.rules import OriginRule
from rack_controller.prove.swapped import apply_change

SECRET = b"\x07" * 32


def rule(name: str = "contract") -> OriginRule:
    found = files().book.named(name)
    assert found is not None
    return found


def bom(table: pa.Table, of: OriginRule | None = None, redacted: bool = False, total: str = "") -> Document:
    of = of or rule()
    claims = [claim_of(table, of, files().country_of_site, None)]
    more = {"rule": msgspec.json.encode(of).decode(), "sites": msgspec.json.encode(files().country_of_site).decode()}
    more |= {"cost-total-commitment": total} if redacted else {}
    number = "3e671687-395b-41f5-a30f-a58921a69b79"
    return hardware_bom(table, claims, Heading(RACK, number, "2026-11-29T12:00:00Z", "0.1.0", more), redacted=redacted)


def odd_rack() -> list[dict[str, str]]:
    rows = small_rack()
    rows[1] |= {"supplier": 'Kühl "und" Söhne \\ Co', "serial": 'A"1\\', "work_order": "W ü"}
    rows[4] |= step("test", "US-TX", "2026-05-05") | {"test2_place": "unknown", "test2_evidence": "declared"}
    return rows


@pytest.mark.parametrize("rows", [small_rack(), odd_rack(), [part(f"{RACK}/u01")], [part(RACK, "rack")]])
def test_a_bom_is_valid_and_others_read_it(rows: list[dict[str, str]]) -> None:
    document = json.loads(bom(records(rows)).content)
    assert schema_faults(document) == []
    read = Bom.from_json(document)
    assert len(read.components) == len([r for r in rows if r["place"] != RACK])


def test_the_schema_finds_a_fault_at_all() -> None:
    document = json.loads(bom(records(small_rack())).content)
    document["components"][0]["type"] = "rack"
    assert schema_faults(document)


def test_what_is_written_is_read_back_whole() -> None:
    table = records(odd_rack())
    told = read_bom(bom(table).content)
    back = {row["place"]: {k: v for k, v in row.items() if v is not None} for row in told.records.to_pylist()}
    for row in table.to_pylist():
        assert back[row["place"]] == {k: v for k, v in row.items() if v is not None}
    assert told.rule == rule()


def test_what_parts_have_in_common_is_said_once_and_counted() -> None:
    rows = [*small_rack(), part(f"{RACK}/u12/cable1", "cable", "400") | step("assembly", "MX")]
    document = json.loads(bom(records(rows)).content)
    batches = [
        json.loads(e["data"][0]["contents"]["attachment"]["content"]) for e in document["declarations"]["evidence"]
    ]
    assert [b["parts"] for b in batches] == [1, 1, 1, 1, 2]
    assert batches[-1]["assembly_place"] == "MX"
    named = [p["value"] for c in document["components"] for p in c["properties"] if p["name"] == "rackwright:batch"]
    assert named[-2:] == ["batch:4", "batch:4"]


def test_a_part_of_which_nothing_is_known_is_of_no_batch() -> None:
    table = records(small_rack())
    bare = apply_change(table, PartSwap(f"{RACK}/u12", None, "NEW", 1, "swap"), table.slice(0, 0))
    document = bom(bare)
    assert schema_faults(json.loads(document.content)) == []
    back = {row["place"]: row for row in read_bom(document.content).records.to_pylist()}
    assert {k: v for k, v in back[f"{RACK}/u12"].items() if v} == {
        "place": f"{RACK}/u12", "kind": "compute_tray", "part": "unknown", "serial": "NEW",
    }  # fmt: skip
    assert back[f"{RACK}/u01/psu0"]["assembly_place"] == "foxconn-va"


def test_columns_of_more_combinations_than_a_number_holds_are_told_apart() -> None:
    names = [f"{process}_{field}" for process in PROCESSES for field in STEP_FIELDS]
    columns = {n: pa.array([f"{n} {row % (7 + at)}" for row in range(400)]) for at, n in enumerate(names)}
    columns |= {n: pa.array([f"{n}{row}" for row in range(400)]) for n in ("work_order", "currency", "cost_basis")}
    columns["wafer_date"] = pa.array([f"{row}" for row in range(400)])
    batches = batches_of(pa.table(columns))
    assert batches.of_row.tolist() == list(range(400))
    for name, codes, values in batches.columns:
        assert [values[code] for code in codes.tolist()] == columns[name].to_pylist()


@pytest.mark.parametrize("serial", ["A\tB", "A\x1fB", 'A"B', "A\\B", "A\x7fß"])
def test_whatever_a_serial_number_holds_the_bom_is_json(serial: str) -> None:
    table = records(small_rack())
    at = table.column_names.index("serial")
    first, _, *others = table.column("serial").to_pylist()
    table = table.set_column(at, "serial", pa.array([first, serial, *others], pa.string()))
    document = json.loads(bom(table).content)
    said = [p for c in document["components"] for p in c["properties"] if p["name"] == "cdx:device:serialNumber"]
    assert serial in {p["value"] for p in said}


def test_each_part_is_one_line_under_its_place() -> None:
    document = bom(records(small_rack()))
    named = dict(zip(document.names, document.lines, strict=True))
    assert json.loads(named[f"{RACK}/u01/psu0"].rstrip(b",\n"))["bom-ref"] == f"{RACK}/u01/psu0"
    assert len(document.names) == len(set(document.names))


def redacted_bom(rows: list[dict[str, str]], name: str = "contract") -> tuple[Told, bytes]:
    table, total, _ = redact(records(rows), rule(name), SECRET)
    # The claim is made from the prices; whoever reads the file has the shares.
    claims = [claim_of(records(rows), rule(name), files().country_of_site, None)]
    content = _with_claim(bom(table, rule(name), redacted=True, total=total).content, claims[0])
    return read_bom(content), content


def _with_claim(content: bytes, claim: OriginClaim) -> bytes:
    from rack_controller.prove.claim import words_of

    document = json.loads(content)
    document["declarations"]["claims"][0]["predicate"] = words_of(claim)
    return json.dumps(document).encode()


def uneven() -> list[dict[str, str]]:
    rows = small_rack()
    rows[1]["cost"], rows[2]["cost"], rows[3]["cost"], rows[4]["cost"] = "617.0313", "399.99", "0.0003", "777.7777"
    rows[2] |= step("assembly", "unknown", evidence="declared")
    return rows


@pytest.mark.parametrize("name", ["contract", "buy-american", "customs"])
@pytest.mark.parametrize("rows", [small_rack(), uneven()])
def test_a_buyer_works_the_percentage_out_without_a_price(rows: list[dict[str, str]], name: str) -> None:
    told, content = redacted_bom(rows, name)
    assert schema_faults(json.loads(content)) == []
    for price in ("617.03", "399.99", "777.77", '"600"', '"400"'):
        assert price.encode() not in content
    assert wrong_claims(told, work_out(told)) == []
    assert told.redacted


def test_a_share_that_was_raised_or_a_claim_that_flatters_is_found() -> None:
    _, content = redacted_bom(small_rack())
    flattering = content.replace(b"between 79.99 %", b"between 89.99 %")
    assert flattering != content
    told = read_bom(flattering)
    assert "its records say" in wrong_claims(told, work_out(told))[0]
    claimed_met = read_bom(content.replace(b"(undecided)", b"(met)"))
    assert wrong_claims(claimed_met, work_out(claimed_met))


def test_openings_prove_every_cost_and_nothing_else() -> None:
    table, total, openings = redact(records(small_rack()), rule(), SECRET)
    rows = table.to_pylist()
    assert wrong_openings(rows, total, openings, rule()) == []
    assert {o.place for o in openings.openings} >= {TOTAL, f"{RACK}/u01/psu0"}
    cheaper = msgspec.structs.replace(openings.openings[1], cost=openings.openings[1].cost - 1)
    lying = msgspec.structs.replace(openings, openings=(cheaper,))
    assert wrong_openings(rows, total, lying, rule()) == [f"{cheaper.place}: not the cost that was committed to"]
    rows[1]["cost"] += 1_000
    assert "its share of the sum" in wrong_openings(rows, total, openings, rule())[0]
    other = redact(records(small_rack()), rule(), b"\x08" * 32)[0]
    assert set(other.column(COMMITMENT).to_pylist()) & set(table.column(COMMITMENT).to_pylist()) == {None}


def test_a_csv_can_be_handed_in_again_and_says_the_same() -> None:
    table = records(odd_rack())
    document = as_csv(table)
    back, complaints = judged(document.content)
    assert back is not None, [str(c) for c in complaints.shown]
    assert in_order(back).to_pylist() == table.to_pylist()
    assert document.names[0] == "heading"
    assert len(list(csv.reader(io.StringIO(document.content.decode())))) == len(document.lines)


def test_no_cell_of_a_csv_is_a_formula() -> None:
    assert judged(csv_of([part(f"{RACK}/u01", supplier="=1+1")]))[0] is None


def test_a_serial_number_that_a_device_told_is_no_formula_in_a_csv() -> None:
    table = records(odd_rack())
    serials = ["=cmd|' /C calc'!A0", *table.column("serial").to_pylist()[1:]]
    table = table.set_column(table.column_names.index("serial"), "serial", pa.array(serials))
    rows = list(csv.DictReader(io.StringIO(as_csv(table).content.decode())))
    assert rows[0]["serial"] == "'=cmd|' /C calc'!A0"


def test_shares_stand_under_their_own_name_in_a_csv_and_under_no_currency() -> None:
    table = redact(records(odd_rack()), rule(), b"\x07" * 32)[0]
    rows = list(csv.DictReader(io.StringIO(as_csv(table, redacted=True).content.decode())))
    assert not {"cost", "currency", "cost_most"} & rows[0].keys()
    assert sum(int(r["cost_share_per_billion"] or 0) for r in rows) == pytest.approx(1_000_000_000, abs=len(rows))
