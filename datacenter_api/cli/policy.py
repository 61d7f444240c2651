"""`rackwright policy validate|diff FILE…`: checks the envelope and shows what would change.  Applies nothing."""

from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.options import As, Json, chosen
from datacenter_api.cli.output import Column, Output, answer, emit
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import convert, parse
from rack_controller.model.policy import Policy, check_schema, diff_specs
from rack_controller.model.policy_kinds import check_spec

app = typer.Typer(help="Policies: what the operator wants.", no_args_is_help=True)

_CHECKED = (
    Column("FILE", lambda r: str(r["file"])),
    Column("KIND", lambda r: str(r["kind"])),
    Column("SCHEMA", lambda r: str(r["schema"]), right=True),
    Column("COVERS", lambda r: str(r["covers"])),
)
_CHANGES = (
    Column("PATH", lambda r: str(r["path"])),
    Column("BEFORE", lambda r: str(r["before"])),
    Column("AFTER", lambda r: str(r["after"])),
)
Files = Annotated[list[Path], typer.Argument(help="Policy files (YAML).")]


@app.command("validate")
def validate(files: Files, output: As = Output.TABLE, as_json: Json = False) -> None:
    """Check policy files; the first that is wrong is named with line and field, exit code 2."""
    rows = []
    for file in files:
        policy = read_policy(file)
        covers = ", ".join([*policy.selector.racks, *policy.selector.generations]) or "every rack"
        rows.append({"file": str(file), "kind": policy.kind, "schema": policy.schema, "covers": covers})
    emit(rows, _CHECKED, chosen(output, as_json), name="file")


@app.command("diff")
def diff(
    before: Annotated[Path, typer.Argument(help="Policy file now.")],
    after: Annotated[Path, typer.Argument(help="Policy file to come.")],
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show what changes from one policy to another."""
    old, new = read_policy(before), read_policy(after)
    if old.kind != new.kind:
        raise ConfigurationError(f"{before} is a {old.kind}, {after} a {new.kind}", advice="compare like with like")
    changes = [{"path": c.path, "before": c.before, "after": c.after} for c in diff_specs(old.spec, new.spec)]
    shape = chosen(output, as_json)
    emit(changes, _CHANGES, shape, name="path")
    if not changes:
        answer("nothing changes", shape)


def read_policy(file: Path) -> Policy:
    """Read one policy file, its spec too where its kind is known.

    Raises FileInvalid with line and field, or ConfigurationError when it cannot be read.
    """
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {file}: {getattr(err, 'strerror', None) or err}") from err
    document = parse(text, str(file))
    policy = convert(document, "", Policy)
    try:
        check_schema(policy)
    except ValueError as err:
        raise document.complaint("schema", str(err)) from err
    try:
        check_spec(policy)
    except ValueError as err:
        path = getattr(err, "path", "")
        raise document.complaint(f"spec.{path}" if path else "spec", str(err)) from err
    return policy
