"""Rules, sites and codes: the seeds are whole, an installation's own files come first, a wrong one is pointed at."""

from pathlib import Path

import pytest

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import FileInvalid
from rack_controller.origin_files import load_origin_files


def test_the_seeds_name_five_states_and_what_is_assumed() -> None:
    files = load_origin_files()
    assert {s.place for s in files.sites} == {"US-WI", "US-OH", "US-TX", "US-VA", "US-IN"}
    assert all(s.source and (s.confirmed or s.example) for s in files.sites)
    assert (len(files.countries), "US" in files.countries, "USD" in files.currencies) == (249, True, True)
    assert files.book.default == "contract"
    text = (seeds_folder() / "origin" / "rules.yaml").read_text().lower()
    assert "complian" not in text


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("origin/rules.yaml", "default: contract", "default: nobody", "default: one of contract"),
        ("origin/rules.yaml", "deciding: {default: [assembly]}", "deciding: {default: [magic]}", "processes out of"),
        ("origin/rules.yaml", "least_evidence: documented", "least_evidence: sworn", "one of declared"),
        ("origin/rules.yaml", "rates: {USD: 1.0}", "rates: {USD: 2.0}", "USD: 1 and positive rates"),
        ("origin/rules.yaml", "name: customs", "name: contract", "a name that no other rule has"),
        ("origin/rules.yaml", "measure: country", "measure: feeling", "measure"),
        ("sites.yaml", "place: US-WI", "place: WI", "a country of ISO 3166-1"),
        ("sites.yaml", "id: houston-tx", "id: lordstown-oh", "an id that no other site has"),
    ],
)
def test_a_wrong_file_is_pointed_at(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    own = tmp_path / file
    own.parent.mkdir(exist_ok=True)
    own.write_text((seeds_folder() / file).read_text().replace(old, new, 1))
    with pytest.raises(FileInvalid, match=said):
        load_origin_files([tmp_path])
