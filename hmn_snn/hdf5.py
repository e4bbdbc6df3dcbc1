"""HDF5 files that are whole or not there: atomic writing, and checks on opening. Networks and results share it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import FileFormatError, HMNError

if TYPE_CHECKING:
    import h5py


def write_atomically(path: str | Path, fill: Callable[[h5py.File], None], format: str, schema: int) -> None:
    """Write an HDF5 file that replaces an older one only when it is complete.

    It is written beside its final place and moved there at the end; where anything fails before, the older file stays
    as it was and nothing else is left behind.

    Parameters
    ----------
    path : str or pathlib.Path
        Its folder must exist. A link is followed.
    fill : callable
        Given the open file, writes the content. The attributes ``format``, ``schema`` and ``hmn_snn_version`` of the
        root are set already.
    format : str
        What the file is, such as ``"hmn-snn network"``.
    schema : int
        Version of its layout.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    import h5py

    from . import __version__

    final = Path(os.path.realpath(path))
    if not final.parent.is_dir():
        raise FileNotFoundError(f"cannot save {Path(path)}: there is no folder {final.parent}; create it first")
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
    try:
        with h5py.File(partial, "x") as file:
            file.attrs.update(format=format, schema=schema, hmn_snn_version=__version__)
            fill(file)
        # Without this a crash of the machine could leave the new name pointing at data that never reached the disk.
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, final)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def open_checked(path: str | Path, format: str, schema: int) -> Iterator[h5py.File]:
    """Open a file of ours for reading, and turn what is wrong with it into one kind of error.

    Errors that HDF5 raises inside the ``with`` block (a missing entry, unreadable data) mean that the file is damaged.

    Parameters
    ----------
    path : str or pathlib.Path
    format : str
        What the file must be, as given to :func:`write_atomically`.
    schema : int
        The newest layout that the caller reads.

    Yields
    ------
    h5py.File

    Raises
    ------
    OSError
        If there is no such file, or it may not be read.
    FileFormatError
        If it is foreign, truncated, damaged, or of a newer schema.
    """
    import h5py

    path = Path(path)
    path.open("rb").close()  # what is missing or may not be read is not damaged: the system's own error says so
    if not h5py.is_hdf5(path):
        raise FileFormatError(path, f"it is no HDF5 file; give a file of format {format!r}")
    try:
        with h5py.File(path, "r") as file:
            _check(path, file, format, schema)
            yield file
    except HMNError:
        raise
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        raise FileFormatError(path, f"it is truncated or damaged ({error}); use another copy") from error


def _check(path: Path, file: h5py.File, format: str, schema: int) -> None:
    """Raise a FileFormatError if a file is of another format, or of a schema that is too new."""
    found, version = file.attrs.get("format"), file.attrs.get("schema")
    if found != format:
        what = "is not a file of hmn-snn" if found is None else f"is of format {found!r}"
        raise FileFormatError(path, f"it {what}; give a file of format {format!r}")
    if not isinstance(version, np.integer) or version < 1:
        raise FileFormatError(path, f"it is damaged (schema {version}); use another copy")
    if version > schema:
        writer = file.attrs.get("hmn_snn_version", "unknown")
        reason = f"its schema {version} is newer than {schema}, the newest that this hmn-snn reads"
        raise FileFormatError(path, f"{reason}; it was written by hmn-snn {writer}: update to that version or later")
