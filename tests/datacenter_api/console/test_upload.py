"""Forms that hand files in go to routes that exist, tell their limit, and are read by their script."""

import re
from pathlib import Path

import pytest

from datacenter_api.console.upload import SCRIPT, draw_floor_upload, draw_passport_upload
from datacenter_api.routes import rule_for

HOSTILE = '"><script>alert(1)</script>'
STATIC = Path(__file__).parents[3] / "datacenter_api" / "console" / "static"


@pytest.mark.parametrize("form", [draw_passport_upload(), draw_floor_upload(["k01", "k02"])])
def test_a_form_goes_to_a_route_with_the_limit_that_it_tells(form: str) -> None:
    found = re.search(r'data-to="([^"]+)" data-most="(\d+)"', form)
    assert found is not None
    rule = rule_for("POST", found[1])
    assert rule is not None
    assert rule.most_bytes == int(found[2])
    assert f"At most {rule.most_bytes // 2**20} MiB" in form


def test_replacing_is_a_choice_of_its_own_with_a_warning() -> None:
    form = draw_passport_upload()
    assert '<input type="checkbox" name="replace">' in form
    assert "▲ Records of every place that this file names are replaced" in form
    assert "replace" not in draw_floor_upload([])


def test_a_rack_s_name_is_no_markup_and_the_only_one_is_written_in() -> None:
    assert "<script" not in draw_floor_upload([HOSTILE])
    assert 'value="k01"' in draw_floor_upload(["k01"])
    assert 'value=""' in draw_floor_upload(["k01", "k02"])


def test_the_script_draws_text_only_and_reads_what_the_forms_have() -> None:
    script = (STATIC / "upload.js").read_text()
    assert "/assets/upload.js" in SCRIPT
    assert "innerHTML" not in script
    for name in ("upload", "uploadsaid"):
        assert f'class="{name}"' in draw_passport_upload()
        assert f'"{name}"' in script or f".{name}" in script
