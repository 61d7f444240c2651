"""Where the data of a new installation lies: generations, devices, register maps, policies, traces."""

from pathlib import Path


def seeds_folder() -> Path:
    """Return the folder of seeds: the wheel's own copy, or the checkout's."""
    packaged = Path(__file__).resolve().parents[1] / "_seeds"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "seeds"
