"""Lava processes that Lava does not bring: the neuron with more than a LIF has, synapses that are written, the host."""

import os
import time

import compatibility  # noqa: F401  (first)
import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

LIMIT, TURN = 1 << 23, 1 << 24


def mix(z):
    """Scramble uint64 numbers (one splitmix64 step)."""
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def draw(key, step):
    """Return the numbers from -127 to 127 of a step."""
    return ((mix(key ^ np.uint64(step)) >> np.uint64(12)) % np.uint64(255)).astype(np.int64) - 127


def decay(x, d):
    """Return x (4096 - d) / 4096 towards zero."""
    return np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)


def wrap(x):
    """Keep 24 bits as Lava's LIF does: one turn at most."""
    return np.where(x > LIMIT, x - TURN, np.where(x <= -LIMIT, x + TURN, x))


class ProgrammableLIF(AbstractProcess):
    """A neuron with two currents, constants of its own, refractory steps, reset by subtraction, and noise.

    Parameters
    ----------
    shape : tuple of int
    u, u_inh, v, bias_mant : arrays
        As in Lava's LIF; ``u_inh`` is the second current.
    constants : dict
        ``du``, ``du_inh``, ``dv``, ``vth``, ``bias_exp``, ``refractory``, ``subtract``, ``noise``, ``noise_key``.
    """

    def __init__(self, *, shape, u, u_inh, v, bias_mant, constants, name):
        super().__init__(shape=shape, constants=constants, name=name)
        self.a_in = InPort(shape=shape)
        self.a_inh = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.u = Var(shape=shape, init=u)
        self.u_inh = Var(shape=shape, init=u_inh)
        self.v = Var(shape=shape, init=v)
        self.bias_mant = Var(shape=shape, init=bias_mant)


class _Programmable(PyLoihiProcessModel):
    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.p, (n,) = proc_params["constants"], proc_params["shape"]
        self.wait = np.zeros(n, np.int64)
        self.step = 0

    def run_spk(self):
        p = self.p
        held = self.v.copy()
        noise = self.scaled_noise(draw(p["noise_key"], self.step), p["noise"]) if p["noise_key"] is not None else 0
        self.integrate(self.a_in.recv(), self.a_inh.recv(), noise, p)
        self.v[:] = np.where(self.wait > 0, held, self.v)
        threshold = np.broadcast_to(p["vth"] * 64, self.v.shape)
        fires = (self.wait == 0) & (self.v > threshold)
        self.v[fires] = self.v[fires] - threshold[fires] if p["subtract"] else 0
        self.wait = np.where(fires, p["refractory"], np.maximum(self.wait - 1, 0))
        self.step += 1
        self.s_out.send(fires)


@implements(proc=ProgrammableLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyProgrammableLIFFixed(_Programmable):
    """On integers, as they would be on the chip."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_inh: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    u: np.ndarray = LavaPyType(np.ndarray, np.int32)
    u_inh: np.ndarray = LavaPyType(np.ndarray, np.int32)
    v: np.ndarray = LavaPyType(np.ndarray, np.int32)
    bias_mant: np.ndarray = LavaPyType(np.ndarray, np.int32)

    @staticmethod
    def scaled_noise(r, amplitude):
        """Return what noise adds."""
        return np.sign(r) * ((np.abs(r) * amplitude) >> 7)

    def integrate(self, arrived, arrived_inh, noise, p):
        """Advance currents and membrane."""
        u, u_inh, v = (x.astype(np.int64) for x in (self.u, self.u_inh, self.v))
        arrived, arrived_inh = np.asarray(arrived, np.int64), np.asarray(arrived_inh, np.int64)
        self.u[:] = wrap(decay(u, p["du"] + 1) + (arrived << 6))
        self.u_inh[:] = wrap(decay(u_inh, p["du_inh"] + 1) + (arrived_inh << 6))
        bias = self.bias_mant.astype(np.int64) << p["bias_exp"]
        self.v[:] = np.clip(decay(v, p["dv"]) + self.u + self.u_inh + bias + noise, 1 - LIMIT, LIMIT - 1)


@implements(proc=ProgrammableLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyProgrammableLIFFloat(_Programmable):
    """On real numbers of the same scale, without rounding and limits."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    a_inh: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    u: np.ndarray = LavaPyType(np.ndarray, float)
    u_inh: np.ndarray = LavaPyType(np.ndarray, float)
    v: np.ndarray = LavaPyType(np.ndarray, float)
    bias_mant: np.ndarray = LavaPyType(np.ndarray, float)

    @staticmethod
    def scaled_noise(r, amplitude):
        """Return what noise adds."""
        return r * amplitude / 128

    def integrate(self, arrived, arrived_inh, noise, p):
        """Advance currents and membrane."""
        self.u[:] = self.u * (1 - (p["du"] + 1) / 4096) + arrived
        self.u_inh[:] = self.u_inh * (1 - (p["du_inh"] + 1) / 4096) + arrived_inh
        self.v[:] = self.v * (1 - p["dv"] / 4096) + self.u + self.u_inh + self.bias_mant + noise


class Synapses(AbstractProcess):
    """Synapses with delays whose weights come from a file: Lava sets a weight matrix one message per weight.

    Parameters
    ----------
    tables : dict
        ``row_ptr``, ``target_index``, ``delay`` and ``weight_exp`` of the connection.
    file : str
        Where the weights are; read again when ``version`` has changed.
    unit : float
        Of a weight, in floating point.
    """

    def __init__(self, *, n_source, n_target, tables, file, unit, name):
        super().__init__(n_source=n_source, n_target=n_target, tables=tables, file=file, unit=unit, name=name)
        self.s_in = InPort(shape=(n_source,))
        self.a_out = OutPort(shape=(n_target,))
        self.version = Var(shape=(1,), init=0)


class _Synapses(PyLoihiProcessModel):
    def __init__(self, proc_params):
        super().__init__(proc_params)
        tables, n = proc_params["tables"], proc_params["n_source"]
        row_ptr = tables["row_ptr"]
        source = np.repeat(np.arange(n), np.diff(row_ptr))
        delay = np.broadcast_to(tables["delay"], source.shape)
        self.lanes = []
        for d in np.unique(delay):
            chosen = np.flatnonzero(delay == d)
            ptr = np.searchsorted(source[chosen], np.arange(n + 1))
            self.lanes.append((int(d), ptr, chosen, tables["target_index"][chosen]))
        longest = max([lane[0] for lane in self.lanes], default=0)
        self.heard = [np.zeros(0, np.int64)] * (longest + 1)  # the latest first
        self.loaded = -1

    def run_spk(self):
        if self.version[0] != self.loaded:
            self.weight, self.loaded = np.load(self.proc_params["file"]).astype(np.int64), int(self.version[0])
        total = np.zeros(self.proc_params["n_target"], np.int64)
        for delay, ptr, chosen, target in self.lanes:
            first, count = ptr[self.heard[delay]], np.diff(ptr)[self.heard[delay]]
            at = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
            # Sums of integers below 2**53 are exact.
            sums = np.bincount(target[at], weights=self.weight[chosen[at]], minlength=len(total)).astype(np.int64)
            total = total + self.scaled(sums, int(self.proc_params["tables"]["weight_exp"]))
        self.a_out.send(total.astype(self.kind))
        self.heard = [np.flatnonzero(self.s_in.recv()), *self.heard[:-1]]


@implements(proc=Synapses, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySynapsesFixed(_Synapses):
    """On integers."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    version: np.ndarray = LavaPyType(np.ndarray, np.int32)
    kind = np.int32

    def scaled(self, sums, exponent):
        """Return what sums of weights add to the currents, in units of 64."""
        return sums << exponent if exponent > 0 else sums >> -exponent


@implements(proc=Synapses, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PySynapsesFloat(_Synapses):
    """On real numbers."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    version: np.ndarray = LavaPyType(np.ndarray, np.int32)
    kind = np.float64

    def scaled(self, sums, exponent):
        """Return what sums of weights add to the currents."""
        return sums * self.proc_params["unit"]


class _Host(AbstractProcess):
    def __init__(self, *, sources, processes, variables, folder, name):
        super().__init__(sources=sources, processes=processes, variables=variables, folder=folder, name=name)
        for s, n in enumerate(sources):
            setattr(self, f"source_{s}", OutPort(shape=(n,)))
        for p, n in enumerate(processes):
            setattr(self, f"fired_{p}", InPort(shape=(n,)))
            for variable in variables[p]:
                setattr(self, f"{variable}_{p}", RefPort(shape=(n,)))
        self.piece = Var(shape=(1,), init=0)


class _PyHost(PyLoihiProcessModel):
    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.step = self.end = 0

    def run_spk(self):
        """Send the spikes of the sources, and list those of the neurons."""
        if self.step == self.end:
            self.begin()
        p = self.proc_params
        for s, n in enumerate(p["sources"]):
            spikes = np.zeros(n, np.int32)
            step, index = self.spikes[s]
            spikes[index[np.searchsorted(step, self.step) : np.searchsorted(step, self.step + 1)]] = 1
            getattr(self, f"source_{s}").send(spikes)
        for k in range(len(p["processes"])):
            index = np.flatnonzero(getattr(self, f"fired_{k}").recv())
            self.fired[k].append((np.full(len(index), self.step), index))
        self.step += 1

    def post_guard(self):
        """Tell whether there is something to do at the end of this step."""
        return bool(self.probes) or self.step == self.end

    def run_post_mgmt(self):
        """Sample, and at the end of a piece write down what happened."""
        for (process, variable, members), samples in zip(self.probes, self.samples, strict=True):
            values = np.asarray(getattr(self, f"{variable}_{process}").read())
            samples.append(values[members])
        if self.step == self.end:
            self.write()

    def begin(self):
        """Read what a piece of the run needs."""
        with np.load(os.path.join(self.proc_params["folder"], f"piece_{int(self.piece[0])}.npz")) as piece:
            self.end = self.step + int(piece["n_steps"])
            n_sources = len(self.proc_params["sources"])
            self.spikes = [(piece[f"step_{s}"], piece[f"index_{s}"]) for s in range(n_sources)]
            names = [str(v) for v in piece["probe_variable"]]
            members = [piece[f"probe_{k}"] for k in range(len(names))]
            self.probes = list(zip([int(p) for p in piece["probe_process"]], names, members, strict=True))
        self.samples = [[] for _ in self.probes]
        self.fired = [[] for _ in self.proc_params["processes"]]
        self.seconds = time.perf_counter()

    def write(self):
        """Write what the piece gave."""
        out = {"seconds": np.array(time.perf_counter() - self.seconds)}
        for k, pieces in enumerate(self.fired):
            step, index = (np.concatenate(part) for part in zip(*pieces, strict=True))
            out[f"step_{k}"], out[f"index_{k}"] = step.astype(np.int64), index.astype(np.int32)
        for k, samples in enumerate(self.samples):
            out[f"probe_{k}"] = np.array(samples)
        np.savez(os.path.join(self.proc_params["folder"], f"out_{int(self.piece[0])}.npz"), **out)


def make_host(sources, processes, variables, folder, floating):
    """Return the process that gives the sources' spikes and takes the neurons', with a port for each.

    Parameters
    ----------
    sources, processes : list of int
        Their sizes.
    variables : list of list of str
        Of each process, what can be probed.
    folder : str
    floating : bool

    Returns
    -------
    lava process
    """
    kind = float if floating else np.int32
    types = {"piece": LavaPyType(np.ndarray, np.int32)}
    types |= {f"source_{s}": LavaPyType(PyOutPort.VEC_DENSE, kind) for s in range(len(sources))}
    types |= {f"fired_{p}": LavaPyType(PyInPort.VEC_DENSE, kind) for p in range(len(processes))}
    for p, names in enumerate(variables):
        types |= {f"{name}_{p}": LavaPyType(PyRefPort.VEC_DENSE, kind) for name in names}
    # Lava wants a class with exactly the ports there are, and looks for it in the module of the process.
    host = type("Host", (_Host,), {"__module__": __name__})
    model = type("PyHost", (_PyHost,), {**types, "__module__": __name__})
    model = implements(proc=host, protocol=LoihiProtocol)(requires(CPU)(model))
    globals().update(Host=host, PyHost=model)
    return host(sources=sources, processes=processes, variables=variables, folder=folder, name="host")
