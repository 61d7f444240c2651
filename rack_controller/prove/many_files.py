"""Many files by path, of a folder or a zip, that are looked at one after the other and never in memory together."""

import hashlib
import io
import zipfile
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

from firmware_bridge.vocabulary.errors import EnvironmentUnfit


class ManyFiles(Mapping[str, bytes]):
    """Files by path, each read when it is asked for."""

    @abstractmethod
    def open(self, path: str) -> IO[bytes]:
        """Return a file to be read piece by piece.  Raises KeyError for one that is not there."""

    @abstractmethod
    def size(self, path: str) -> int:
        """Return how many bytes a file has."""

    def __getitem__(self, path: str) -> bytes:
        with self.open(path) as file:
            return file.read()

    @abstractmethod
    def __contains__(self, path: object) -> bool:
        """Return whether a file is there: nothing is read for that."""


class FolderFiles(ManyFiles):
    """Files below a folder, those of some paths.  Raises EnvironmentUnfit for one that cannot be read."""

    def __init__(self, folder: Path, paths: Collection[str]) -> None:
        self._folder, self._paths = folder, dict.fromkeys(paths)

    def open(self, path: str) -> IO[bytes]:
        """Return a file to be read piece by piece."""
        self._paths[path]
        try:
            return (self._folder / path).open("rb")
        except OSError as err:
            raise EnvironmentUnfit(f"{path} cannot be read: {err.strerror}", advice="look at it") from err

    def size(self, path: str) -> int:
        """Return how many bytes a file has."""
        with self.open(path) as file:
            return file.seek(0, io.SEEK_END)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def only(self, paths: Collection[str]) -> "FolderFiles":
        """Return some of the files."""
        return FolderFiles(self._folder, [p for p in self._paths if p in paths])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


class ZipFiles(ManyFiles):
    """Files of an archive.  `names`: of entries in the archive, by path."""

    def __init__(self, archive: zipfile.ZipFile, names: Mapping[str, str]) -> None:
        self._archive, self._names = archive, dict(names)

    def open(self, path: str) -> IO[bytes]:
        """Return a file to be read piece by piece."""
        return self._archive.open(self._names[path])

    def size(self, path: str) -> int:
        """Return how many bytes a file has."""
        return self._archive.getinfo(self._names[path]).file_size

    def __contains__(self, path: object) -> bool:
        return path in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def opened(files: Mapping[str, bytes], path: str) -> IO[bytes]:
    """Return a file to be read piece by piece, also of files that are in memory."""
    return files.open(path) if isinstance(files, ManyFiles) else io.BytesIO(files[path])


def sha256_in(files: Mapping[str, bytes], path: str) -> str:
    """Return the SHA-256 of a file, read piece by piece."""
    digest = hashlib.sha256()
    with opened(files, path) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
