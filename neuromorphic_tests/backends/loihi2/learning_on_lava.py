"""Drives Lava's fixed-point learning connections with given spikes; run by the interpreter that has Lava.

Arguments: a file with the cases (a pickled list of dicts of plain arrays), one for what comes out, and the folder of
the module that lets later Pythons import Lava.
"""

import pickle
import sys

import numpy as np


class _Port:
    def __init__(self):
        self.value = None

    def recv(self):
        """Return what was put here."""
        return self.value


def follow(case):
    """Return weights, tags and traces after each step of a case.

    Parameters
    ----------
    case : dict
        ``rule`` (arguments of Lava's rule), ``third_factors``, ``sign``, ``weights`` (post, pre), ``tag_1``, ``tag_2``,
        ``pre`` and ``post`` (step, neuron) of bool, ``factors`` (step, 3, post).

    Returns
    -------
    dict of arrays, a row for each step
    """
    from lava.magma.core.learning.constants import GradedSpikeCfg
    from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
    from lava.proc.dense.models import PyLearningDenseModelBitApproximate as Model
    from lava.utils.weightutils import SignMode

    rule = (Loihi3FLearningRule if case["third_factors"] else Loihi2FLearningRule)(**case["rule"])
    n_post, n_pre = case["weights"].shape
    parameters = {
        "learning_rule": rule, "shape": (n_post, n_pre), "graded_spike_cfg": GradedSpikeCfg.USE_REGULAR_IMPULSE,
        "sign_mode": SignMode.EXCITATORY if case["sign"] > 0 else SignMode.INHIBITORY,
    }  # fmt: skip
    model = Model(parameters)
    model.weights = case["weights"].astype(np.int32)
    model.tag_1, model.tag_2 = case["tag_1"].astype(int), case["tag_2"].astype(int)
    for name, n in (
        ("x1", n_pre),
        ("x2", n_pre),
        ("tx", n_pre),
        ("y1", n_post),
        ("y2", n_post),
        ("y3", n_post),
        ("ty", n_post),
    ):
        setattr(model, name, np.zeros(n, int))
    model.x0, model.y0 = np.zeros(n_pre, bool), np.zeros(n_post, bool)
    ports = {name: _Port() for name in ("s_in_bap", "s_in_y1", "s_in_y2", "s_in_y3")}
    for name, port in ports.items():
        setattr(model, name, port)
    seen = {name: [] for name in ("weights", "tag_1", "tag_2", "x1", "x2", "y1", "y2", "y3")}
    for k in range(len(case["pre"])):
        model.time_step = k + 1
        ports["s_in_bap"].value = case["post"][k]
        for v in range(3):
            ports[f"s_in_y{v + 1}"].value = case["factors"][k, v]
        model.recv_traces(case["pre"][k].astype(int))
        if model.lrn_guard():
            model.run_lrn()
        for name, values in seen.items():
            values.append(np.array(getattr(model, name), np.int32))
    return {name: np.array(values) for name, values in seen.items()}


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[3])
    import compatibility  # noqa: F401

    with open(sys.argv[1], "rb") as file:
        cases = pickle.load(file)
    with open(sys.argv[2], "wb") as file:
        pickle.dump([follow(case) for case in cases], file, protocol=4)
