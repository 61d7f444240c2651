"""`limits.yaml` becomes LimitLayers, or an error that names file, line, field and what was expected."""

from pathlib import Path

from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.limit_layers import LimitLayers
from firmware_bridge.wire.located_yaml import Located, convert, parse


def read_limit_layers(folder: Path) -> LimitLayers | None:
    """Return a generation's layers, None where it states none.  Raises ConfigurationError or FileInvalid."""
    path = folder / "limits.yaml"
    if not path.exists():
        return None
    try:
        document = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the generation folder") from err
    layers = convert(document, "", LimitLayers)
    _check(document, layers)
    return layers


def _check(document: Located, layers: LimitLayers) -> None:
    for part in ("module", "tray"):
        layer = getattr(layers, part)
        if layer is not None and layer.others_w >= layer.most_w:
            said = f"expected less than most_w ({layer.most_w:g} W): nothing would be left to its GPUs"
            raise document.complaint(f"{part}.others_w", said)
    if layers.module is not None and layers.module.peak_w is not None and layers.module.peak_w < layers.module.most_w:
        raise document.complaint("module.peak_w", f"expected at least most_w ({layers.module.most_w:g} W)")
    if layers.smoothing is not None and layers.smoothing.least > layers.smoothing.most:
        raise document.complaint("smoothing.least", f"expected at most {layers.smoothing.most:g}")
    names = [p.name for p in layers.profiles]
    for n, name in enumerate(names):
        if name in names[:n]:
            raise document.complaint(f"profiles[{n}].name", f"expected each profile once, got {name!r} again")
