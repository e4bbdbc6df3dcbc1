"""R8, the content-addressable memory of CA3 as a SpiNNaker board ran it: every spike of the recorded experiment.

Casanueva-Morato et al., Neural Networks 178:106474 (2024). Network, input and the recording's rasters are those of the
authors' repository, https://github.com/dancasmor/An-aproach-to-a-spike-based-Content-Addressable-Memory-bio-inspired-
in-the-Hippocampus (commit 08b415b): experiment 1, 90 ms, five cues and ten contents. Of the rasters we keep how many
spikes each population has, and a digest: of the sorted list of (ms, index), as Python prints it.
"""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
from hmn_snn.backends.spinnaker.emulator import Emulator, Numerics
from hmn_snn.backends.spinnaker.program import IF_CURR_EXP, Cells, Source, SpinnakerProgram, Stdp, Synapses

CUES, CONTENTS = 5, 10
# Spikes of the inputs [ms]: three for something learned, one for a recall.
CUE_SPIKES = {0: [0, 1, 2, 30], 3: [20, 21, 22, 60, 61, 62, 70], 4: [10, 11, 12]}
CONTENT_SPIKES = {
    0: [0, 1, 2, 50], 1: [0, 1, 2, 10, 11, 12, 60, 61, 62], 3: [60, 61, 62], 4: [20, 21, 22, 50, 60, 61, 62],
    5: [10, 11, 12, 20, 21, 22], 6: [10, 11, 12, 20, 21, 22, 40, 80], 8: [0, 1, 2, 60, 61, 62], 9: [0, 1, 2],
}
RECORDED = {
    "cueCue": (10, "6f80f9d88e8efd16"),
    "contCue": (42, "20b3ee27e9cda1ab"),
    "cond": (34, "e8c8c984b25042c8"),
    "condInt": (13, "953fe9203e16ee83"),
    "cueCont": (15, "254c9343a329c84b"),
    "contCont": (34, "6a7792f80485f2b6"),
    "mergeCue": (15, "479e9573d1b0932d"),
    "mergeCont": (42, "799b5674209e860f"),
    "outCue": (15, "252e08390cd63b2a"),
    "outCont": (42, "f1ab08e10a2fbdbc"),
}
# Population: size, whether it is of the slow kind, threshold [mV].
POPULATIONS = {
    "cueCue": (CUES, True, -57.0), "contCue": (CONTENTS, True, -57.0), "contCont": (CONTENTS, True, -57.0),
    "mergeCue": (CUES, True, -57.0), "mergeCont": (CONTENTS, True, -57.0), "outCue": (CUES, True, -57.5),
    "outCont": (CONTENTS, True, -57.5), "cueCont": (CUES, False, -57.0), "cond": (CONTENTS, False, -57.0),
    "condInt": (1, False, -57.0),
}
ONE, ALL, OTHERS = "one to one", "all to all", "all but itself"
EXCITATORY, INHIBITORY = "excitatory", "inhibitory"
# Source, target, connector, receptor, weight [nA], delay [ms].
PROJECTIONS = [
    ("cues", "cueCue", ONE, EXCITATORY, 6, 1),
    ("contents", "contCue", ONE, EXCITATORY, 6, 1),
    ("cueCue", "cueCont", ONE, EXCITATORY, 6, 2),
    ("cueCue", "cueCont", OTHERS, INHIBITORY, 6 * CONTENTS, 3),
    ("cueCue", "cond", ALL, INHIBITORY, 6, 2),
    ("contCue", "cond", ONE, EXCITATORY, 9, 1),
    ("cond", "contCont", ONE, EXCITATORY, 6, 1),
    ("contCue", "condInt", ALL, EXCITATORY, 6, 1),
    ("condInt", "cond", ALL, EXCITATORY, 2, 1),
    ("cueCont", "cueCont", OTHERS, INHIBITORY, 6 * CONTENTS, 2),
    ("cueCue", "mergeCue", ONE, EXCITATORY, 6, 3),
    ("cueCont", "mergeCue", ONE, EXCITATORY, 6, 1),
    ("contCue", "mergeCont", ONE, EXCITATORY, 6, 3),
    ("contCont", "mergeCont", ONE, EXCITATORY, 6, 1),
    ("mergeCue", "outCue", ONE, EXCITATORY, 6, 1),
    ("mergeCont", "outCont", ONE, EXCITATORY, 6, 1),
]
PLASTIC = [("cueCue", "contCue"), ("contCont", "cueCont")]  # all to all, from 0, delay 1
RULE = Stdp(A_plus=6.0, A_minus=6.0, tau_plus=3.0, tau_minus=3.0, w_min=0.0, w_max=6.0)
# As sPyNNaker 7.4.1 sets them for cueCont: 128 nA of excitation and 1024 nA of inhibition at most in a timestep.
SHIFTS, BOUNDS = (7, 10), (128.0, 1024.0)
NO_TIMES = np.zeros(0, np.int64)


def cells(name: str) -> Cells:
    """Return a population."""
    size, slow, threshold = POPULATIONS[name]
    values = {"tau_m": 3.0 if slow else 0.5, "cm": 0.27 if slow else 0.14, "v_rest": -60.0, "v_reset": -60.0,
              "v_thresh": threshold, "tau_refrac": 1.0, "i_offset": 0.0,
              "tau_syn_E": 0.3, "tau_syn_I": 0.3}  # fmt: skip
    parameters = {key: np.array([value]) for key, value in values.items()}
    start = {"v": np.array([-60.0])}
    return Cells(name, size, IF_CURR_EXP, parameters, start, np.zeros(1), (), (), 256, SHIFTS, BOUNDS)


def projection(source, target, connector, receptor, weight, delay, sizes, stdp=None) -> Synapses:
    """Return a projection."""
    pre, post = np.divmod(np.arange(sizes[source] * sizes[target], dtype=np.int32), sizes[target])
    chosen = {ONE: pre == post, ALL: np.ones(len(pre), bool), OTHERS: pre != post}[connector]
    n = int(chosen.sum())
    name = f"{source} -> {target}, {receptor}"
    return Synapses(name, source, target, receptor, pre[chosen], post[chosen], np.full(n, float(weight)),
                    np.full(n, delay, np.int32), stdp)  # fmt: skip


def memory(rule: Stdp = RULE) -> SpinnakerProgram:
    """Return the network of the experiment."""
    sources = [Source(name, n, NO_TIMES, NO_TIMES, NO_TIMES, np.zeros((0, 1)))
               for name, n in (("cues", CUES), ("contents", CONTENTS))]  # fmt: skip
    sizes = {"cues": CUES, "contents": CONTENTS, **{name: size for name, (size, _, _) in POPULATIONS.items()}}
    static = [projection(*p, sizes) for p in PROJECTIONS]
    plastic = [projection(*pair, ALL, EXCITATORY, 0, 1, sizes, rule) for pair in PLASTIC]
    return SpinnakerProgram("cam", 1.0, 1.0, 0, tuple(map(cells, POPULATIONS)), tuple(sources), (*static, *plastic))


def listed(spikes: dict[int, list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return spikes by step; those of 0 ms are the ones of timestep 0."""
    events = np.array(sorted((ms, index) for index, times in spikes.items() for ms in times))
    return events[:, 0], events[:, 1]


def digests(program: SpinnakerProgram, fixed_point: bool) -> dict[str, tuple[int, str]]:
    """Return how many spikes each population has, and their digest."""
    emulator = Emulator(program, Numerics(fixed_point=fixed_point))
    fired, _ = emulator.run(90, [listed(CUE_SPIKES), listed(CONTENT_SPIKES)], [])
    found = {}
    for group, (step, index) in zip(program.cells, fired, strict=True):
        spikes = sorted(zip(step.tolist(), index.tolist(), strict=True))
        found[group.name] = (len(spikes), hashlib.sha256(repr(spikes).encode()).hexdigest()[:16])
    return found


@pytest.mark.parametrize("fixed_point", [True, False], ids=["fixed point", "float"])
def test_every_spike_of_the_board(fixed_point):
    assert sum(count for count, _ in RECORDED.values()) == 262
    assert digests(memory(), fixed_point) == RECORDED


@pytest.mark.parametrize(
    "change",
    [{"A_plus": 36.0, "A_minus": 36.0}, {"A_minus": 0.0}, {"nearest": True, "A_minus": 3.0}, {"tau_plus": 30.0}],
    ids=["A times w_max", "no depression", "half the depression", "slow window"],
)
def test_the_recording_tells_another_rule(change):
    assert digests(memory(dataclasses.replace(RULE, **change)), True) != RECORDED
