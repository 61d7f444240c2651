"""typer's runner, which puts the tree of commands together once and not at every command line."""

from functools import cache
from typing import Any

import pytest
import typer
from typer import testing
from typer.testing import Result

tree_of = cache(typer.main.get_command)


class CliRunner(testing.CliRunner):
    """Runs command lines of an app in this process."""

    def invoke(self, *args: Any, **options: Any) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(testing, "_get_command", tree_of)
            return super().invoke(*args, **options)
