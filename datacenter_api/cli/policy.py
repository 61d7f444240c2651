"""`rackwright policy validate|diff FILE…`: checks the envelope and shows what would change.  Applies nothing."""

from pathlib import Path
from typing import Annotated, Any

import typer

from datacenter_api.cli.options import As, Json, chosen
from datacenter_api.cli.output import Column, Output, emit
from firmware_bridge.vocabulary.errors import ConfigurationError, FileInvalid
from rack_controller.model.policy import Policy, diff_specs, parse_policy

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
    emit(changes, _CHANGES, chosen(output, as_json), name="path")


def read_policy(file: Path) -> Policy:
    """Read one policy file.  Raises FileInvalid with line and field, or ConfigurationError when it cannot be read."""
    import yaml

    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {file}: {getattr(err, 'strerror', None) or err}") from err
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as err:
        line = err.problem_mark.line + 1 if err.problem_mark else 1
        raise FileInvalid(str(file), line, "document", err.problem or "expected YAML") from err
    except yaml.YAMLError as err:
        raise FileInvalid(str(file), 1, "document", "expected YAML") from err
    try:
        return parse_policy(document)
    except ValueError as err:
        what, _, path = str(err).partition(" - at `")
        field = path.rstrip("`").removeprefix("$.") or "document"
        raise FileInvalid(str(file), _line_of(text, field), field, what) from err


def _line_of(text: str, field: str) -> int:
    """Return the line of the field's first key, 1 when it is not there (a missing field belongs to the document)."""
    import yaml

    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for part in field.split("."):
        if not isinstance(node, yaml.MappingNode):
            break
        pair = next(((k, v) for k, v in node.value if k.value == part), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line + 1, pair[1]
    return line
