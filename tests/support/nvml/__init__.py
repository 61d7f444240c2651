"""A stand-in for NVIDIA's management library, compiled when tests need it, and the data file it speaks from."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")
SONAME = "libnvidia-ml.so.1"
LINKS = 18


def build_library() -> Path:
    """Return the folder with the compiled library.  Built once per source, by the first test process."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler (cc or gcc): the stand-in for libnvidia-ml.so.1 cannot be built")
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"rackwright-fake-nvml-{os.getuid()}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / SONAME
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            draft = folder / "draft.so"
            flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-Wl,-soname,{SONAME}", "-pthread"]
            done = subprocess.run([compiler, *flags, "-o", draft, SOURCE], capture_output=True, text=True)
            if done.returncode and "cannot find" in done.stderr + done.stdout:
                pytest.skip("the C library's own headers are missing (Debian: libc6-dev)")
            assert done.returncode == 0, done.stderr
            draft.replace(library)
    return folder


@dataclass
class FakeGpus:
    """The data file: facts by (GPU, kind, name).  `write` makes them count."""

    path: Path
    gpus: int = 4
    facts: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.facts[("*", "value", "count")] = str(self.gpus)
        self.facts[("*", "text", "driver")] = "580.65.06"
        self.facts[("*", "value", "driver_load")] = str(time.monotonic_ns())  # limits of another test are forgotten
        for gpu in range(self.gpus):
            self._healthy(gpu)
        self.write()

    def _healthy(self, gpu: int) -> None:
        texts = {"uuid": f"GPU-{gpu:08x}", "serial": f"SN{gpu}", "bus_id": f"0000000{gpu}:01:00.0", "name": "Fake GPU"}
        values = {
            "temperature": 41 + gpu, "margin": 46 - gpu, "clock": 1965, "reasons": 4, "utilization": 87,
            "limit_enforced": 1_200_000, "limit_min": 400_000, "limit_max": 1_200_000, "limit_default": 1_000_000,
            "sram_exceeded": 0, "fabric_state": 3, "fabric_clique": 7, "fabric_health": 0x11AA, "fabric_cluster": 0x5A,
        }  # fmt: skip
        fields = {
            "185:0": 812_500, "186:0": 903_250, "186:1": 1_190_000, "192:0": 1_100_000, "82:0": 52,
            "83:0": 9_000_000_000_123, "3:0": 2, "4:0": 0, "6:0": 1, "142:0": 1, "143:0": 2, "144:0": 0, "145:0": 0,
            "230:0": 0,
        }  # fmt: skip
        for link in range(LINKS):
            self.facts[(str(gpu), "link", str(link))] = "1"
            fields |= {f"208:{link}": link % 2, f"215:{link}": 1}
        for kind, pairs in (("text", texts), ("value", values), ("field", fields)):
            self.facts |= {(str(gpu), kind, name): str(value) for name, value in pairs.items()}

    def set(self, gpu: int | str, kind: str, name: str, value: object) -> "FakeGpus":
        """Change one fact and write the file."""
        self.facts[(str(gpu), kind, name)] = str(value)
        self.write()
        return self

    def drop(self, gpu: int | str, kind: str, name: str) -> "FakeGpus":
        """Take one fact away and write the file."""
        del self.facts[(str(gpu), kind, name)]
        self.write()
        return self

    def fire(self, gpu: int, xid: int) -> "FakeGpus":
        """Let a GPU report an XID, once."""
        return self.set(gpu, "xid", str(time.monotonic_ns()), xid)

    def write(self) -> None:
        """Replace the file.  Rules about one GPU come before those about all."""
        ordered = sorted(self.facts.items(), key=lambda entry: entry[0][0] == "*")
        draft = self.path.with_suffix(".draft")
        draft.write_text("".join(f"{' '.join(key)} {value}\n" for key, value in ordered))
        draft.replace(self.path)
