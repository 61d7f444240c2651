"""The relational half of what is kept of passports and purchase decisions; the records themselves are Arrow files."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

metadata = sa.MetaData()

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),  # of the file as it was handed in
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("unix_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
)

covers = sa.Table(
    "covers",
    metadata,
    sa.Column("import_id", sa.Integer, sa.ForeignKey("imports.id"), primary_key=True),
    sa.Column("rack", sa.String(256), primary_key=True, index=True),
    sa.Column("rows", sa.Integer, nullable=False),
)

changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("rack", sa.String(256), nullable=False, index=True),
    sa.Column("place", sa.String(384), nullable=False),
    sa.Column("old", sa.String(200)),
    sa.Column("new", sa.String(200), nullable=False),
    sa.Column("unix_ns", sa.BigInteger, nullable=False),
    sa.Column("why", sa.String(400), nullable=False),
    sa.UniqueConstraint("place", "new", "unix_ns"),
)

frozen = sa.Table(
    "frozen",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("rack", sa.String(256), nullable=False, index=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("wrong", sa.Integer, nullable=False),
    sa.Column("unread", sa.Integer, nullable=False),
    sa.Column("unix_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
)

frozen_fits = sa.Table(
    "frozen_fits",
    metadata,
    sa.Column("frozen_id", sa.Integer, sa.ForeignKey("frozen.id"), primary_key=True),
    sa.Column("counts", sa.Text, nullable=False),  # lines by rack_controller.prove.fit.Fit as JSON
    sa.Column("findings", sa.Text, nullable=False),  # of rack_controller.prove.fit.Mismatch as JSON
)
"""What did not fit when a passport was frozen; states that were frozen before this was kept have no row."""

options = sa.Table(
    "options",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("record", sa.Text, nullable=False),  # rack_controller.prove.option.DecisionRecord as JSON
)

milestones = sa.Table(
    "milestones",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("rack", sa.String(256), nullable=False, index=True),
    sa.Column("what", sa.String(16), nullable=False),
    sa.Column("unix_ns", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String(64), nullable=False),
    sa.Column("noted_unix_ns", sa.BigInteger, nullable=False),
    sa.Column("note", sa.String(400), nullable=False),
)


def open_tables(file: Path) -> Engine:
    """Open the file, made when it is not there.  Raises EnvironmentUnfit."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        engine = sa.create_engine(f"sqlite:///{file}", connect_args={"timeout": 5, "check_same_thread": False})
        sa.event.listen(engine, "connect", _tune)
        metadata.create_all(engine)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {file}: {err.strerror}", advice="choose another --state") from err
    except SQLAlchemyError as err:
        raise unfit(file, err) from err
    return engine


def plain_row(row: sa.Row[Any]) -> dict[str, Any]:
    """Return a row by its columns' names, but for its number."""
    return {str(name): value for name, value in row._mapping.items() if name != "id"}


def unfit(file: Path, err: SQLAlchemyError) -> EnvironmentUnfit:
    """Return what a refusal of the database means."""
    cause = str(err.__cause__ or type(err).__name__)
    return EnvironmentUnfit(f"cannot use {file.name}: {cause}", advice="free space or fix permissions")


def _tune(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
