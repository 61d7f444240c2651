"""Everything that a run kept in one zip: the same run gives the same bytes, so that a hash of it means something."""

from typing import IO

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.run_files import is_evidence
from rack_controller.prove.zipped import spooled, zip_into


def bundle(folder: RunFolder) -> IO[bytes]:
    """Return a run's files as a zip, with its id as the folder's name; `rackwright verify` looks at it.

    The file is at its begin, and gone once it is closed.  Raises EnvironmentUnfit.
    """
    files, made = folder.files(), spooled()
    try:
        zip_into(made, folder.path.name, files.only([path for path in files if is_evidence(path)]))
    except OSError as err:
        made.close()
        raise EnvironmentUnfit(f"the zip cannot be written: {err.strerror}", advice="make room") from err
    made.seek(0)
    return made
