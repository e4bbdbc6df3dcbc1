"""Networks in files: one HDF5 file holds the description as a JSON text and its numbers as flat arrays.

The text is a tree: ``{"class": ..., "fields": {...}}`` for an object, ``{"ref": name}`` for one that the network knows
by name, ``{"array": ..., "offset": ..., "shape": ...}`` for a piece of the dataset of that type, ``{"map": {...}}`` for
a mapping. Nothing in a file is run or imported: a class is looked up by name among those below.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .astrocytes import Astrocytes, LeakyCalcium
from .connectors import AllToAll, FixedNumberPost, FixedNumberPre, FixedProbability, FromArrays, OneToOne
from .description import Named
from .distributions import Exponential, LogNormal, Normal, Uniform
from .errors import DescriptionError, FileFormatError
from .hdf5 import open_checked, write_atomically
from .inputs import CurrentInput, PoissonInput, SpikeInput, Steps
from .modulators import Modulator
from .network import Network
from .neurons import LIF
from .oscillators import Entrainment, Oscillator, OscillatorDrive
from .plasticity import GlobalAttention, HMNRule, LocalAttention, PhaseGate
from .population import Population, View
from .projection import Projection
from .recording import Recording

if TYPE_CHECKING:
    import h5py

FORMAT = "hmn-snn network"
SCHEMA = 1

# What a file may name: also the classes that a new kind of cell, rule or connector must be added to.
CLASSES: Mapping[str, type] = {
    cls.__name__: cls
    for cls in (
        *(Population, PoissonInput, SpikeInput, CurrentInput, Modulator, Oscillator, Entrainment, OscillatorDrive),
        *(Astrocytes, Projection, Recording, View, Steps, LIF, LeakyCalcium),
        *(AllToAll, OneToOne, FixedProbability, FixedNumberPre, FixedNumberPost, FromArrays),
        *(Uniform, Normal, LogNormal, Exponential),
        *(HMNRule, PhaseGate, LocalAttention, GlobalAttention),
    )
}


def save_network(network: Network, path: str | Path) -> None:
    """Save a network's description to one HDF5 file, atomically.

    Parameters
    ----------
    network : Network
    path : str or pathlib.Path

    Raises
    ------
    DescriptionError
        If it mentions an object that was not added to it, or holds one of a class that is not of hmn-snn.
    """
    encoder = _Encoder(network)
    text, arrays = encoder.text(), encoder.arrays()
    if encoder.foreign:
        owner, name, value = encoder.foreign[0]
        allowed = f"only objects of these classes can be saved: {', '.join(CLASSES)}"
        raise DescriptionError(owner, name, value, allowed)

    def fill(file: h5py.File) -> None:
        file.attrs["digest"] = _digest(text, arrays)
        file["description"] = text
        group = file.create_group("arrays")
        for name, array in arrays.items():
            group[name] = array

    write_atomically(path, fill, FORMAT, SCHEMA)


def load_network(path: str | Path) -> Network:
    """Load a network saved with :func:`save_network`.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    Network

    Raises
    ------
    FileFormatError
        If the file is foreign, truncated, damaged, or of a newer schema.
    """
    with open_checked(path, FORMAT, SCHEMA) as file:
        text = file["description"].asstr()[()]
        arrays = {name: dataset[()] for name, dataset in file["arrays"].items()}
        digest = file.attrs["digest"]
    if _digest(text, arrays) != digest:
        raise FileFormatError(path, "it is damaged (its content does not have its digest); use another copy")
    try:
        return _Decoder(json.loads(text), arrays).network()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(path, f"its description cannot be read ({error})") from error


def network_hash(network: Network) -> str:
    """Return a digest of a network's description: equal before saving and after loading.

    Parameters
    ----------
    network : Network

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).

    Raises
    ------
    DescriptionError
        If it mentions an object that was not added to it.
    """
    encoder = _Encoder(network)
    return _digest(encoder.text(), encoder.arrays())


def _digest(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


class _Encoder:
    """Turns a network into the tree and collects its arrays, in the one order that the tree is walked in."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.pieces: dict[str, list[np.ndarray]] = {}
        self.offsets: dict[str, int] = {}
        self.foreign: list[tuple[str, str, Any]] = []
        head = {name: self._value(getattr(network, name), repr(network), name) for name in ("name", "dt", "seed")}
        things = [self._object(thing, thing.owner) for thing in network.things.values()]
        recordings = [self._object(recording, recording.owner) for recording in network.recordings]
        self.tree = {"network": head, "things": things, "recordings": recordings}

    def text(self) -> str:
        return json.dumps(self.tree, sort_keys=True, separators=(",", ":"), allow_nan=False)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.concatenate(pieces) for name, pieces in self.pieces.items()}

    def _object(self, thing: Any, owner: str, where: str = "") -> dict[str, Any]:
        cls, name = type(thing), type(thing).__name__
        if CLASSES.get(name) is not cls:
            self.foreign.append((owner, where, thing))
            name = f"{cls.__module__}.{cls.__qualname__}"
        names = [item.name for item in dataclasses.fields(thing) if item.init]
        fields = {field: self._value(getattr(thing, field), owner, f"{where}{field}") for field in names}
        return {"class": name, "fields": fields}

    def _value(self, value: Any, owner: str, where: str) -> Any:
        """Encode a field; every kind of value has one form, whichever type of number the user gave."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return self._array(value)
        if isinstance(value, (tuple, list)):
            return [self._value(member, owner, where) for member in value]
        if isinstance(value, Mapping):
            return {"map": {key: self._value(value[key], owner, f"{where}: {key}") for key in sorted(value)}}
        if isinstance(value, Named):
            if self.network.things.get(value.name or "") is not value:
                name = value.name or f"an unnamed {value.kind}"
                raise DescriptionError(owner, where, name, "it is not in this network; add it first with net.add")
            return {"ref": value.name}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._object(value, owner, f"{where}: ")
        raise DescriptionError(owner, where, value, "it cannot be saved; give numbers, texts or objects of hmn-snn")

    def _array(self, value: np.ndarray) -> dict[str, Any]:
        array = value.astype(value.dtype.newbyteorder("<"), copy=False)
        name = array.dtype.name
        offset = self.offsets.get(name, 0)
        self.pieces.setdefault(name, []).append(array.ravel())
        self.offsets[name] = offset + array.size
        return {"array": name, "offset": offset, "shape": list(array.shape)}


class _Decoder:
    """Turns the tree and the arrays back into a network; a thing is built when it is first referred to."""

    def __init__(self, tree: Any, arrays: Mapping[str, np.ndarray]) -> None:
        self.tree, self.arrays = tree, arrays
        self.pending: dict[str, Any] = {thing["fields"]["name"]: thing for thing in tree["things"]}
        self.things: dict[str, Any] = {}

    def network(self) -> Network:
        head = {name: self._value(value) for name, value in self.tree["network"].items()}
        network = Network(**head)
        for thing in self.tree["things"]:
            network.add(self._thing(thing["fields"]["name"]))
        network.recordings.extend(self._value(recording) for recording in self.tree["recordings"])
        return network

    def _thing(self, name: str) -> Any:
        if name not in self.things:
            # Taking it out first ends a circle of references, which only a damaged file can have, in a KeyError.
            self.things[name] = self._value(self.pending.pop(name))
        return self.things[name]

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(self._value(member) for member in value)
        if not isinstance(value, dict):
            return value
        if "ref" in value:
            return self._thing(value["ref"])
        if "float" in value:
            return float(value["float"])
        if "map" in value:
            return {key: self._value(member) for key, member in value["map"].items()}
        if "array" in value:
            shape, offset = value["shape"], value["offset"]
            return self.arrays[value["array"]][offset : offset + math.prod(shape)].reshape(shape)
        return CLASSES[value["class"]](**{name: self._value(member) for name, member in value["fields"].items()})
