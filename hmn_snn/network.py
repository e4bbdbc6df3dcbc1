"""The network: the one mutable builder, to which things are added by name."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .astrocytes import Astrocytes
from .description import Named
from .errors import DescriptionError, UnknownNameError
from .inputs import CurrentInput, PoissonInput, SpikeInput
from .modulators import Modulator
from .oscillators import Entrainment, Oscillator, OscillatorDrive
from .population import Population
from .projection import Projection
from .recording import Recording
from .units import to_canonical

Thing = TypeVar("Thing", bound=Named)

_STEMS = {
    Population: "population",
    PoissonInput: "poisson",
    SpikeInput: "spikes",
    CurrentInput: "current",
    Modulator: "modulator",
    Oscillator: "oscillator",
    Entrainment: "entrainment",
    OscillatorDrive: "drive",
    Astrocytes: "astrocytes",
    Projection: "projection",
}


class Network:
    """A spiking HMN network: populations, inputs, projections and what modulates them.

    Parameters
    ----------
    name : str
    dt : float [ms]
        Time step of the grid that spikes, delays and clocks lie on.
    seed : int
        Decides every draw: connectivity, weights, initial values, noise, Poisson inputs, probabilistic updates.

    Examples
    --------
    >>> net = Network("pair", dt=0.1, seed=1)
    >>> stim = net.add(PoissonInput(10, rate=50.0, name="stim"))
    >>> stim.name
    'stim'
    """

    def __init__(self, name: str = "network", dt: Any = 0.1, seed: int = 0) -> None:
        self.name = name
        self.dt: Any = to_canonical(dt, "ms", f"network {name!r}", "dt")
        self.seed = seed.item() if isinstance(seed, np.integer) else seed
        self.things: dict[str, Named] = {}
        self.recordings: list[Recording] = []

    def add(self, thing: Thing) -> Thing:
        """Add an object and return it.

        Parameters
        ----------
        thing : Population, PoissonInput, SpikeInput, CurrentInput, Projection, Modulator, Oscillator, Entrainment,
            OscillatorDrive or Astrocytes
            Without a name it gets one, such as ``population_0``.

        Returns
        -------
        The same object.

        Raises
        ------
        DescriptionError
            If the object is of no known kind, or its name is taken.
        """
        stem = next((stem for cls, stem in _STEMS.items() if isinstance(thing, cls)), None)
        if stem is None:
            known = ", ".join(cls.__name__ for cls in _STEMS)
            raise DescriptionError(f"network {self.name!r}", "add", thing, f"add one of {known}")
        if thing.name is None:
            object.__setattr__(thing, "name", self._free_name(thing, stem))
        assert thing.name is not None
        if thing.name in self.things:
            allowed = f"another {self.things[thing.name].kind} has that name; choose a different one"
            raise DescriptionError(f"network {self.name!r}", f"name of the {thing.kind}", thing.name, allowed)
        self.things[thing.name] = thing
        return thing

    def _free_name(self, thing: Named, stem: str) -> str:
        if isinstance(thing, Projection):
            name = f"{thing.source.name} -> {thing.target.name}"
            if name not in self.things:
                return name
            stem = name
        number = 0
        while f"{stem}_{number}" in self.things:
            number += 1
        return f"{stem}_{number}"

    def record(self, target: Any, variables: str | Iterable[str], every: Any = None) -> None:
        """Record variables of an object at regular times; spikes are always recorded.

        Parameters
        ----------
        target : object of this network, or a slice of a population
        variables : str or sequence of str
            Of a population v, i_exc, i_inh, bias; of a projection weight, and if plastic x, y, eligibility, pending,
            attention, G; of a modulator level; of an oscillator phase; of astrocytes the cell's traces, gain, M.
        every : float, optional [ms]
            Multiple of dt; every step if not given.

        Raises
        ------
        DescriptionError
            If the object has no such variable.
        """
        for variable in (variables,) if isinstance(variables, str) else tuple(variables):
            recording = Recording(target, variable, every)
            for problem in recording.problems():
                raise problem
            self.recordings.append(recording)

    def __getitem__(self, name: str) -> Any:
        try:
            return self.things[name]
        except KeyError:
            raise UnknownNameError("object", name, tuple(self.things)) from None

    def __contains__(self, thing: object) -> bool:
        return thing in self.things or any(thing is other for other in self.things.values())

    def of_kind(self, *kinds: type[Thing]) -> Iterator[Thing]:
        """Yield the objects of some classes in order of addition.

        Parameters
        ----------
        *kinds : type

        Yields
        ------
        Named
        """
        for thing in self.things.values():
            if isinstance(thing, kinds):
                yield thing

    def replace(self, *, name: str | None = None, dt: Any = None, seed: int | None = None) -> Network:
        """Return a copy with another name, time step or seed.

        Parameters
        ----------
        name : str, optional
        dt : float, optional [ms]
        seed : int, optional

        Returns
        -------
        Network
        """
        other = copy.copy(self)
        other.things, other.recordings = dict(self.things), list(self.recordings)
        other.name = self.name if name is None else name
        other.dt = self.dt if dt is None else to_canonical(dt, "ms", f"network {self.name!r}", "dt")
        if seed is not None:
            other.seed = seed.item() if isinstance(seed, np.integer) else seed
        return other

    def save(self, path: str | Path) -> None:
        """Save the description to one HDF5 file, atomically.

        Parameters
        ----------
        path : str or pathlib.Path
        """
        from .serialization import save_network

        save_network(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Load a description saved with :meth:`save`.

        Parameters
        ----------
        path : str or pathlib.Path

        Returns
        -------
        Network

        Raises
        ------
        FileFormatError
            If the file is no network of ours, truncated, or of a newer schema.
        """
        from .serialization import load_network

        return load_network(path)

    def hash(self) -> str:
        """Return a digest of the description: equal before saving and after loading.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        from .serialization import network_hash

        return network_hash(self)

    def __str__(self) -> str:
        from .summary import network_table

        return network_table(self)

    def __repr__(self) -> str:
        return f"Network({self.name!r}, dt={self.dt:g}, seed={self.seed}, {len(self.things)} objects)"
