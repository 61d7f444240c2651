"""Everything that a run kept in one zip: the same run gives the same bytes, so that a hash of it means something."""

from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.run_files import is_evidence
from rack_controller.prove.zipped import zipped


def bundle(folder: RunFolder) -> bytes:
    """Return a run's files as a zip, with its id as the folder's name; `rackwright verify` looks at it."""
    kept = {path: content for path, content in folder.files().items() if is_evidence(path)}
    return zipped(folder.path.name, kept)
