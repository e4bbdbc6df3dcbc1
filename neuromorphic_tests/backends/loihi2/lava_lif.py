"""Runs in an interpreter with Lava: the arithmetic of Lava's own LIF, for many sets of parameters at once.

Arguments: a file of parameters and arrivals, and the file to write u, v and spikes of every step to.
"""

import sys

import numpy as np


class Port:
    """Gives what arrives, step by step, and takes the spikes."""

    def __init__(self, values=None):
        self.values, self.sent = values, []

    def recv(self):
        return next(self.values)

    def send(self, spikes):
        self.sent.append(np.array(spikes))


def main(source, destination, child):
    sys.path.insert(0, child)
    import compatibility  # noqa: F401
    from lava.proc.lif.models import PyLifModelBitAcc

    with np.load(source) as given:
        model = PyLifModelBitAcc({})
        # The types that the model declares for its variables; one set of parameters for each neuron.
        for name, kind in (("du", np.uint16), ("dv", np.uint16), ("vth", np.int32), ("bias_mant", np.int16),
                           ("bias_exp", np.int16), ("u", np.int32), ("v", np.int32)):  # fmt: skip
            setattr(model, name, given[name].astype(kind))
        model.a_in, model.s_out = Port(iter(given["arrivals"].astype(np.int32))), Port()
        u, v = [], []
        for _ in range(len(given["arrivals"])):
            model.run_spk()
            u.append(model.u.copy())
            v.append(model.v.copy())
        np.savez(destination, u=np.array(u), v=np.array(v), spikes=np.array(model.s_out.sent))


if __name__ == "__main__":
    main(*sys.argv[1:])
