"""The Lava network of a Loihi program."""

import json
import os

import compatibility  # noqa: F401  (first)
import learning
import numpy as np
import processes
from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.lif.process import LIF
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils import loihi
from lava.utils.weightutils import SignMode
from scipy.sparse import csr_matrix

DENSE = 0.25  # of the crosspoints hold a synapse: from here on, Lava's Dense is faster than its Sparse


def run_config(select_tag, hardware):
    """Return how Lava is to run the network.

    Parameters
    ----------
    select_tag : str
        ``fixed_pt`` or ``floating_pt``, of the simulator.
    hardware : bool

    Returns
    -------
    lava run configuration
    """
    if not hardware:
        return Loihi2SimCfg(select_tag=select_tag)
    if not loihi.is_installed():
        raise RuntimeError("Lava's extension for Loihi hardware (lava-loihi, from Intel) is not installed")
    return Loihi2HwCfg()


class Net:
    """The processes of a program.

    Parameters
    ----------
    folder : str
        With ``program.json`` and ``program.npz``.

    Attributes
    ----------
    host, neurons, synapses
        Lava processes; ``synapses`` maps the numbers of the connections that can be written.
    config : lava run configuration
    """

    def __init__(self, folder):
        with open(os.path.join(folder, "program.json"), encoding="utf-8") as file:
            self.description = json.load(file)
        with np.load(os.path.join(folder, "program.npz")) as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.folder = folder
        self.floating = self.description["select_tag"] == "floating_pt"
        self.config = run_config(self.description["select_tag"], self.description["hardware"])
        self.neurons = [self.make_neurons(k, p) for k, p in enumerate(self.description["processes"])]
        self.synapses, self.learning = {}, {}
        variables = [["u", "v", "u_inh"] if p["model"] != "LIF" else ["u", "v"] for p in self.description["processes"]]
        sources, sizes = ([g["size"] for g in self.description[kind]] for kind in ("sources", "processes"))
        self.host = processes.make_host(sources, sizes, variables, folder, self.floating)
        ports = {p["group"]: n.s_out for p, n in zip(self.description["processes"], self.neurons, strict=True)}
        for s, source in enumerate(self.description["sources"]):
            ports[source["group"]] = getattr(self.host, f"source_{s}")
        for k, neurons in enumerate(self.neurons):
            neurons.s_out.connect(getattr(self.host, f"fired_{k}"))
            for name in variables[k]:
                getattr(self.host, f"{name}_{k}").connect_var(getattr(neurons, name))
        targets = {p["group"]: n for p, n in zip(self.description["processes"], self.neurons, strict=True)}
        for k, c in enumerate(self.description["connections"]):
            synapses = self.make_connection(k, c)
            ports[c["source"]].connect(synapses.s_in)
            target = targets[c["target"]]
            if c["learning"]:
                self.connect_learning(synapses, target, c["learning"]["third_factors"])
            synapses.a_out.connect(target.a_inh if c["receptor"] else target.a_in)

    def connect_learning(self, synapses, target, third_factors):
        """Send a learning connection what its target's neurons tell it."""
        if not third_factors:
            target.s_out.connect(synapses.s_in_bap)
            return
        for name in ("bap", "y1", "y2", "y3"):
            getattr(target, f"s_out_{name}").connect(getattr(synapses, f"s_in_{name}"))

    def write_learned(self, k):
        """Write the weights that a connection has learned."""
        np.save(os.path.join(self.folder, f"learned_{k}.npy"), self.learning[k].weights.get().T.ravel())

    def make_neurons(self, k, p):
        """Return the Lava process of a neuron process."""

        def array(field):
            return self.arrays[f"process_{k}_{field}"]

        n = p["size"]
        bias, u, v = (np.broadcast_to(array(field), (n,)).copy() for field in ("bias_mant", "u_init", "v_init"))
        if self.floating:
            bias = bias * 2.0 ** p["bias_exp"]
        if p["model"] == "LIF":
            du, dv, vth = (array(field).item() for field in ("du", "dv", "vth"))
            if self.floating:
                du, dv, vth = (du + 1) / 4096, dv / 4096, 64 * vth
            constants = {"du": du, "dv": dv, "vth": vth, "bias_mant": bias, "bias_exp": p["bias_exp"], "u": u, "v": v}
            if p["sending"]:
                rule = next(c["learning"] for c in self.description["connections"] if c["learning"])
                sending = p["sending"] | {"folder": self.folder}
                return learning.SendingLIF(
                    shape=(n,), **constants, name=f"p{k}", learning_rule=learning.make_rule(rule), sending=sending
                )
            return LIF(shape=(n,), **constants, name=f"p{k}")
        fields = ("du", "du_inh", "dv", "vth", "refractory", "noise")
        constants = {field: array(field).astype(np.int64) for field in fields}
        constants |= {"bias_exp": p["bias_exp"], "subtract": p["subtract"]}
        constants["noise_key"] = array("noise_key") if np.any(constants["noise"]) else None
        return processes.ProgrammableLIF(
            shape=(n,), u=u, u_inh=array("u_inh_init"), v=v, bias_mant=bias, constants=constants, name=f"p{k}"
        )

    def make_connection(self, k, c):
        """Return the Lava process of a connection: Lava's own where nothing is written."""

        def array(field):
            return self.arrays[f"connection_{k}_{field}"]

        exponent, delay, weight = c["weight_exp"], array("delay").astype(np.int64), array("weight").astype(np.int64)
        unit = 64 * 2.0**exponent
        if not c["stock"]:
            tables = {"row_ptr": array("row_ptr"), "target_index": array("target_index")}
            tables |= {"delay": delay, "weight_exp": exponent}
            file = os.path.join(self.folder, f"weights_{k}.npy")
            self.synapses[k] = processes.Synapses(
                n_source=c["n_source"], n_target=c["n_target"], tables=tables, file=file, unit=unit, name=f"c{k}"
            )
            return self.synapses[k]
        if c["learning"]:
            shape = (c["n_source"], c["n_target"])
            matrices = [a.reshape(shape).T.copy() for a in (weight, array("tag_1"), array("tag_2"))]
            self.learning[k] = learning.make_connection(c["learning"], c["sign"], *matrices, exponent, f"c{k}")
            return self.learning[k]
        shape, places = (c["n_source"], c["n_target"]), (array("target_index"), array("row_ptr"))
        weights = csr_matrix((weight * unit if self.floating else weight, *places), shape)
        delays = csr_matrix((np.broadcast_to(delay, weight.shape), *places), shape)
        dense = len(weight) >= DENSE * shape[0] * shape[1]
        as_lava = (lambda m: m.toarray().T.copy()) if dense else (lambda m: m.T.tocsr())
        options = {"weight_exp": exponent, "name": f"c{k}",
                   "sign_mode": SignMode.EXCITATORY if c["sign"] > 0 else SignMode.INHIBITORY}  # fmt: skip
        if np.any(delay):
            return (DelayDense if dense else DelaySparse)(weights=as_lava(weights), delays=as_lava(delays), **options)
        return (Dense if dense else Sparse)(weights=as_lava(weights), **options)
