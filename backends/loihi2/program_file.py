"""Loihi programs in files: one HDF5 file with a group for each source, process and connection."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hmn_snn.errors import FileFormatError
from hmn_snn.hdf5 import open_checked, write_atomically

from .learning_program import LearningConnection, ThirdFactors
from .program import Connection, LoihiProgram, NeuronProcess, Source

if TYPE_CHECKING:
    import h5py

FORMAT = "hmn-snn loihi program"
SCHEMA = 1

_PARTS: dict[str, type] = {
    "sources": Source,
    "processes": NeuronProcess,
    "connections": Connection,
    "learning": LearningConnection,
    "third_factors": ThirdFactors,
}


def save_program(program: LoihiProgram, path: str | Path) -> None:
    """Save a program to one HDF5 file, atomically.

    Parameters
    ----------
    program : LoihiProgram
    path : str or pathlib.Path

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """

    def fill(file: h5py.File) -> None:
        file.attrs.update(name=program.name, dt=program.dt, digest=program_digest(program))
        for part in _PARTS:
            group = file.create_group(part)
            for number, thing in enumerate(getattr(program, part)):
                _write(group.create_group(str(number)), thing)

    write_atomically(path, fill, FORMAT, SCHEMA)


def load_program(path: str | Path) -> LoihiProgram:
    """Load a program saved with :func:`save_program`.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    LoihiProgram

    Raises
    ------
    OSError
        If there is no such file, or it may not be read.
    FileFormatError
        If the file is foreign, truncated, damaged, or of a newer schema.
    """
    with open_checked(path, FORMAT, SCHEMA) as file:
        parts = {
            part: tuple(_read(file[part][str(number)], cls) for number in range(len(file[part])))
            for part, cls in _PARTS.items()
        }
        program = LoihiProgram(str(file.attrs["name"]), float(file.attrs["dt"]), **parts)
        digest = file.attrs["digest"]
    if program_digest(program) != digest:
        raise FileFormatError(path, "it is damaged (its content does not have its digest); use another copy")
    return program


def program_digest(program: LoihiProgram) -> str:
    """Return a digest of everything in a program: equal before saving and after loading.

    Parameters
    ----------
    program : LoihiProgram

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).
    """
    digest = hashlib.sha256(f"{program.name!r} {program.dt!r}".encode())
    for part in _PARTS:
        _feed(digest, getattr(program, part))
    return digest.hexdigest()


def _feed(digest: Any, things: Sequence[Any]) -> None:
    for thing in things:
        for item in dataclasses.fields(thing):
            value = getattr(thing, item.name)
            if isinstance(value, np.ndarray):
                digest.update(f"{item.name} {value.dtype.str}{value.shape}".encode())
                digest.update(np.ascontiguousarray(value).data)
            else:
                digest.update(f"{item.name} {value!r}".encode())


def _write(group: h5py.Group, thing: Any) -> None:
    """Write a part: arrays as datasets, everything else as attributes; None is left out."""
    for item in dataclasses.fields(thing):
        value = getattr(thing, item.name)
        if isinstance(value, np.ndarray):
            group[item.name] = value
        elif value is not None:
            group.attrs[item.name] = value


def _read(group: h5py.Group, cls: type) -> Any:
    fields = {}
    for item in dataclasses.fields(cls):
        if item.name in group:
            fields[item.name] = group[item.name][()]
        elif item.name in group.attrs:
            value = group.attrs[item.name]
            fields[item.name] = value.item() if isinstance(value, np.generic) else value
        elif "None" in str(item.type):
            fields[item.name] = None
        else:
            raise KeyError(f"there is no {item.name}")
    return cls(**fields)
