"""Learning in Lava: its own learning connection, and a LIF neuron that sends it y1, y2 and y3."""

import os

import compatibility  # noqa: F401  (first)
import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.magma.core.model.py.neuron import LearningNeuronModelFixed
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import LearningDense
from lava.proc.lif.models import AbstractPyLifModelFixed
from lava.proc.lif.process import LearningLIF
from lava.utils.weightutils import SignMode

FRACTION, TRACE_MAX = 14, 127


def make_rule(description):
    """Return Lava's rule of a learning connection.

    Parameters
    ----------
    description : dict
        ``dw``, ``dt``, ``dd``, ``impulse``, ``tau``, ``epoch``, ``seed``, ``third_factors``.

    Returns
    -------
    lava learning rule
    """
    third = description["third_factors"]
    names = ("x1", "x2") if third else ("x1", "x2", "y1", "y2", "y3")
    traces = {f"{name}_impulse": value for name, value in zip(names, description["impulse"])}  # noqa: B905
    traces |= {f"{name}_tau": value for name, value in zip(names, description["tau"])}  # noqa: B905
    strings = {name: description[name] for name in ("dw", "dt", "dd")}
    kind = Loihi3FLearningRule if third else Loihi2FLearningRule
    return kind(**strings, **traces, t_epoch=description["epoch"], rng_seed=description["seed"])


def make_connection(description, sign, weights, tag_1, tag_2, exponent, name):
    """Return a learning connection; arrays are (target, source).

    Parameters
    ----------
    description : dict
    sign, exponent : int
    weights, tag_1, tag_2 : (n_target, n_source) int array
    name : str

    Returns
    -------
    lava process
    """
    return LearningDense(
        weights=weights, tag_1=tag_1, tag_2=tag_2, learning_rule=make_rule(description), weight_exp=exponent, name=name,
        sign_mode=SignMode.EXCITATORY if sign > 0 else SignMode.INHIBITORY,
    )  # fmt: skip


class SendingLIF(LearningLIF):
    """Lava's LIF that also sends a trace of its spikes, and two factors from a file for each piece of the run.

    Parameters
    ----------
    sending : dict
        ``decay``, ``impulse``, ``nearest``, ``own_spike``, ``folder``, ``first``: see the program's third factors.
    """


@implements(proc=SendingLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PySendingLIF(LearningNeuronModelFixed, AbstractPyLifModelFixed):
    """On integers."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: int = LavaPyType(int, np.int32, precision=17)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.effective_vth = 0
        self.sending = proc_params["sending"]
        self.trace = np.zeros(proc_params["shape"], np.int64)
        self.given, self.row, self.piece = np.zeros((0, 2, 0)), 0, 0

    def scale_threshold(self):
        """Bring the threshold to the potential's unit."""
        self.effective_vth = np.left_shift(self.vth, self.vth_shift)
        self.isthrscaled = True

    def spiking_activation(self):
        """Return what fires."""
        return self.v > self.effective_vth

    def run_spk(self):
        """Advance, and send spikes and factors."""
        self.a_third_factor_in.recv()
        super().run_spk()
        while self.row == len(self.given):
            with np.load(os.path.join(self.sending["folder"], f"piece_{self.piece}.npz")) as piece:
                first = self.sending["first"]
                self.given = piece["factors"][:, :, first : first + len(self.trace)].astype(np.int32)
            self.row, self.piece = 0, self.piece + 1
        self.y1 = self.traced(np.asarray(self.s_out_buff, bool))
        self.y2, self.y3 = self.given[self.row]
        self.row += 1
        self.s_out_bap.send(self.s_out_buff)
        self.s_out_y1.send(self.y1)
        self.s_out_y2.send(self.y2)
        self.s_out_y3.send(self.y3)

    def traced(self, fired):
        """Advance the trace of the neurons' spikes; return what is sent of it."""
        s = self.sending
        impulse = s["impulse"] << FRACTION
        self.trace = (self.trace * (4096 - s["decay"])) >> 12
        before = self.trace.copy()
        self.trace[fired] = impulse if s["nearest"] else np.minimum(self.trace[fired] + impulse, TRACE_MAX << FRACTION)
        sent = self.trace if s["own_spike"] else before
        return ((sent + (1 << (FRACTION - 1))) >> FRACTION).astype(np.int32)
