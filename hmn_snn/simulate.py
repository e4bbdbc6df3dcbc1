"""The one entrance: check a network, run it, or simulate it in a closed loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from . import registry
from .checking import Check
from .errors import (
    BackendUnavailableError,
    DescriptionError,
    FileFormatError,
    RunInterruptedError,
    SimulationError,
    UnknownNameError,
)
from .grid import duration_steps
from .lowered import LoweredNetwork
from .lowering import lower
from .network import Network
from .progress import run_watched
from .recorded import Weights
from .results import Results
from .translator import Translator

if TYPE_CHECKING:
    from .check_matrix import CheckMatrix

_CHECKPOINT, _SCHEMA = "hmn-snn checkpoint", 1


@overload
def check(net: Network, backend: Literal["all"] | list[str] | tuple[str, ...], **options: Any) -> CheckMatrix: ...


@overload
def check(net: Network, backend: str = "numba", **options: Any) -> Check: ...


def check(net: Network, backend: str | list[str] | tuple[str, ...] = "numba", **options: Any) -> Check | CheckMatrix:
    """Say what a backend would do to a network, or several, without running anything.

    Parameters
    ----------
    net : Network
    backend : str, "all", or list of str
    **options
        Options of the backend, such as ``precision="float32"``; with several backends, each of them must have them.

    Returns
    -------
    Check, or CheckMatrix where several backends are asked
        Printing it gives a table.

    Raises
    ------
    ValidationError
        If no backend could run the network.
    UnknownNameError
        If there is no such backend.
    """
    if backend == "all" or not isinstance(backend, str):
        from .check_matrix import backend_names, checked_everywhere

        return checked_everywhere(net, backend, dict.fromkeys(backend_names(backend), options))
    translator = registry.get(backend)
    return _checked(translator, lower(net), _options(translator, options))


def run(
    net: Network, duration: Any, backend: str = "numba", *, progress: bool | None = None, **options: Any
) -> Results:
    """Run a network from t = 0 and return what happened.

    Parameters
    ----------
    net : Network
    duration : float [ms]
        Multiple of dt; also ``"1 s"`` or a quantity.
    backend : str
        See :func:`hmn_snn.registry.names`.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.
    **options
        ``executor``, ``precision`` and the backend's own options.

    Returns
    -------
    Results

    Raises
    ------
    ValidationError
        If the network is wrong; it holds all errors.
    RejectedError
        If the backend cannot run it; it holds all refusals.
    BackendUnavailableError
        If the backend cannot run on this machine.
    RunInterruptedError
        On Ctrl-C, at the next moment when all is consistent; it holds the results until then.
    """
    n_steps = duration_steps(duration, net.dt)
    translator, lowered, settings, checked = prepared(net, backend, options)
    program = translator.translate(lowered, findings=checked.findings, **settings)
    return run_watched(program, n_steps, lowered.dt, progress)


class Simulation:
    """A network that runs in pieces, with a hand on it in between.

    Parameters
    ----------
    net : Network
        A copy is frozen; later changes to the network have no effect.
    backend : str
        One whose capabilities include a closed loop.
    progress : bool, optional
        As in :func:`run`.
    **options
        As in :func:`run`.

    Examples
    --------
    >>> with Simulation(net) as sim:                        # doctest: +SKIP
    ...     sim.run(50.0)
    ...     sim.release("dopamine", 0.5)
    ...     counts = sim.spike_counts("exc")
    """

    def __init__(self, net: Network, backend: str = "numba", *, progress: bool | None = None, **options: Any) -> None:
        translator, lowered, settings, checked = prepared(net, backend, options)
        if not translator.capabilities.closed_loop:
            raise SimulationError(f"backend {backend!r} cannot run in pieces; use hmn_snn.run, or another backend")
        self.lowered, self.backend, self._progress = lowered, backend, progress
        self._program = translator.translate(lowered, findings=checked.findings, **settings)
        self._settings = settings
        self._session: Any = self._program.start()
        self._last: Results | None = None

    def __enter__(self) -> Simulation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the backend's state; the simulation cannot go on."""
        if hasattr(self._session, "close"):
            self._session.close()
        self._session = None

    @property
    def _live(self) -> Any:
        if self._session is None:
            raise SimulationError("the simulation is closed; make a new one")
        return self._session

    @property
    def t(self) -> float:
        """Present time [ms]."""
        return float(self._live.step * self.lowered.dt)

    def run(self, duration: Any) -> Results:
        """Advance and return what happened in this piece.

        Parameters
        ----------
        duration : float [ms]

        Returns
        -------
        Results
            ``first.joined(second)`` equals the results of one run.
        """
        n_steps = duration_steps(duration, self.lowered.dt)
        try:
            self._last = run_watched(self._live, n_steps, self.lowered.dt, self._progress)
        except RunInterruptedError as interrupt:
            self._last = interrupt.results
            raise
        return self._last

    def reset(self) -> None:
        """Go back to t = 0."""
        self.close()
        self._session, self._last = self._program.start(), None

    def spike_counts(self, name: str) -> np.ndarray:
        """Return the spikes of each neuron of a population or input in the last piece.

        Parameters
        ----------
        name : str

        Returns
        -------
        (size,) int array
        """
        index = _index("population or input", name, self.lowered.sources)
        if self._last is None:
            return np.zeros(self.lowered.sources[index].size, dtype=np.int64)
        return self._last.spikes[name].counts

    def release(self, name: str, amount: float) -> None:
        """Release a modulator now.

        Parameters
        ----------
        name : str
        amount : float
            May be negative (below baseline).
        """
        value = _finite(f"modulator {name!r}", "amount", amount)
        self._live.release(_index("modulator", name, self.lowered.modulators), float(value))

    def set_tonic(self, name: str, level: float) -> None:
        """Set a modulator's tonic level from now on, whatever was scheduled.

        Parameters
        ----------
        name : str
        level : float
        """
        value = _finite(f"modulator {name!r}", "level", level)
        self._live.set_tonic(_index("modulator", name, self.lowered.modulators), float(value))

    def set_rate(self, name: str, rate: Any) -> None:
        """Set the rate of a Poisson input from now on, whatever was scheduled.

        Parameters
        ----------
        name : str
        rate : float or (n,) array [Hz]
        """
        sources = self.lowered.sources
        index = _index("Poisson input", name, sources, lambda s: getattr(s, "rate", None) is not None)
        value = _finite(f"Poisson input {name!r}", "rate", rate, (sources[index].size,), low=0.0)
        self._live.set_rate(index, value)

    def set_current(self, name: str, amplitude: Any) -> None:
        """Set an injected current from now on, whatever was scheduled.

        Parameters
        ----------
        name : str
            Of the CurrentInput.
        amplitude : float or (n,) array [nA]
        """
        currents = [c for p in self.lowered.populations for c in p.currents]
        index = _index("current input", name, currents)
        shape = (len(currents[index].indices),)
        self._live.set_current(name, _finite(f"current input {name!r}", "amplitude", amplitude, shape))

    def weights(self, name: str) -> Weights:
        """Return the present weights of a projection.

        Parameters
        ----------
        name : str

        Returns
        -------
        Weights
        """
        index = _index("projection", name, self.lowered.projections)
        p = self.lowered.projections[index]
        return Weights(p.source_index, p.target_index, self._live.get_weights(index), p.weight_unit)

    def set_weights(self, name: str, weights: Any) -> None:
        """Write the weights of a projection.

        Parameters
        ----------
        name : str
        weights : float or (n_synapses,) array [nA, or mV at a delta receptor]
            In the order of :meth:`weights`, within the rule's bounds.
        """
        index = _index("projection", name, self.lowered.projections)
        p = self.lowered.projections[index]
        low, high = (0.0, np.inf) if p.plasticity is None else (p.plasticity.rule.w_min, p.plasticity.rule.w_max)
        values = _finite(f"projection {name!r}", "weights", weights, (p.n_synapses,), low, high)
        self._live.set_weights(index, np.broadcast_to(values, (p.n_synapses,)))

    def save(self, path: str | Path) -> None:
        """Save a checkpoint that :meth:`load` continues bit for bit.

        Parameters
        ----------
        path : str or pathlib.Path
        """
        from .hdf5 import write_atomically

        def fill(file: Any) -> None:
            file.attrs["network_hash"], file.attrs["backend"] = self.lowered.hash, self.backend
            file.attrs["precision"] = self._settings["precision"]
            for name, array in self._live.get_state().items():
                file.create_dataset(name, data=array)

        write_atomically(path, fill, _CHECKPOINT, _SCHEMA)

    def load(self, path: str | Path) -> None:
        """Continue from a checkpoint of the same network on the same backend.

        Parameters
        ----------
        path : str or pathlib.Path

        Raises
        ------
        FileFormatError
            If the file is no checkpoint of this network, backend and precision.
        """
        from .hdf5 import open_checked

        mine = (self.lowered.hash, self.backend, self._settings["precision"])
        with open_checked(path, _CHECKPOINT, _SCHEMA) as file:
            theirs = tuple(str(file.attrs[key]) for key in ("network_hash", "backend", "precision"))
            if theirs != mine:
                reason = "it is a checkpoint of another network, backend or precision"
                raise FileFormatError(path, f"{reason} ({_short(theirs)}; this is {_short(mine)})")
            state: dict[str, Any] = {}
            file.visititems(lambda name, item: state.update({name: item[()]}) if hasattr(item, "shape") else None)
        self._live.set_state(state)
        self._last = None


def _short(stamp: tuple[str, ...]) -> str:
    return ", ".join((stamp[0][:12], *stamp[1:]))


def _options(translator: Translator, options: dict[str, Any]) -> dict[str, Any]:
    """Resolve executor and precision; refuse what the backend does not have."""
    able = translator.capabilities
    for name in options:
        if name not in ("executor", "precision", *able.options):
            raise UnknownNameError(
                f"option of backend {translator.name!r}", name, ("executor", "precision", *able.options)
            )
    settings = {"executor": "auto", "precision": able.precisions[0], **options}
    if settings["executor"] == "auto":
        settings["executor"] = able.executors[0]
    for name, known in (("executor", able.executors), ("precision", able.precisions)):
        if settings[name] not in known:
            raise UnknownNameError(f"{name} of backend {translator.name!r}", settings[name], known)
    return settings


def _checked(translator: Translator, lowered: LoweredNetwork, settings: dict[str, Any]) -> Check:
    return Check(lowered.name, translator.name, lowered.findings + tuple(translator.check(lowered, **settings)))


def prepared(
    net: Network, backend: str, options: dict[str, Any], installed: bool = True
) -> tuple[Translator, LoweredNetwork, dict[str, Any], Check]:
    """Return all that a translation of a network needs, checked.

    Parameters
    ----------
    net : Network
    backend : str
    options : dict
        Of the backend.
    installed : bool
        Whether what the backend runs on must be there.

    Returns
    -------
    translator : Translator
    lowered : LoweredNetwork
    settings : dict
        The options, with those that were not given.
    checked : Check

    Raises
    ------
    ValidationError, UnknownNameError, RejectedError, BackendUnavailableError
    """
    translator = registry.get(backend)
    settings = _options(translator, options)
    lowered = lower(net)
    checked = _checked(translator, lowered, settings)
    checked.require()
    reason = translator.unavailable() if installed else None
    if reason is not None:
        raise BackendUnavailableError(backend, reason)
    return translator, lowered, settings, checked


def _index(kind: str, name: str, things: Any, suits: Callable[[Any], bool] = lambda thing: True) -> int:
    for index, thing in enumerate(things):
        if thing.name == name and suits(thing):
            return index
    raise UnknownNameError(kind, name, tuple(t.name for t in things if suits(t)))


def _finite(
    owner: str, what: str, value: Any, shape: tuple[int, ...] = (), low: float = -np.inf, high: float = np.inf
) -> np.ndarray:
    """Return a value as an array after checking shape and range."""
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in ((), shape):
        raise DescriptionError(owner, what, value, f"its shape is {array.shape}; give one number or shape {shape}")
    if not np.isfinite(array).all() or (array < low).any() or (array > high).any():
        bounds = "" if low == -np.inf and high == np.inf else f" in [{low:g}, {high:g}]"
        raise DescriptionError(owner, what, value, f"give finite numbers{bounds}")
    return array
