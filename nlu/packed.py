"""A model as one block of bytes, to be kept in a database: its files in a zip archive."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from nlu.held_out import HELD_OUT

FILES = ("meta.json", "model.npz", HELD_OUT)
_MOST = 64 * 1024 * 1024  # of one file, unpacked: a model has 1.5 MB


def pack(folder: Path) -> bytes:
    """The model's files of a folder."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FILES:
            if (folder / name).exists():
                archive.write(folder / name, name)
    return made.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Writes the files into a folder. Raises ValueError for bytes that are no model."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            for name in FILES[:2] + tuple(name for name in FILES[2:] if name in archive.namelist()):
                if archive.getinfo(name).file_size > _MOST:
                    raise ValueError(f"{name} is too large for a model")
                (folder / name).write_bytes(archive.read(name))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"no model: {error}") from error
