"""A content-addressable memory after hippocampal CA3, as recorded on a SpiNNaker board: learn, recall, forget.

A memory is a cue, one of several neurons, and a content, some of many neurons. The network learns which contents
belong to which cue, gives the contents for a cue, the cues for a content, and forgets the old contents of a cue when
new ones are learned (Casanueva-Morato, Ayuso-Martinez, Dominguez-Morales, Jimenez-Fernandez & Jimenez-Moreno 2024,
Neural Networks 178:106474). :class:`~hmn_snn.models.hippocampus_cam_memory.Memory` is the form that one uses:

    from hmn_snn.models.hippocampus_cam_memory import Memory

    with Memory(5, 10) as memory:
        memory.learn(0, [0, 1, 8, 9])
        memory.recall(cue=0)                # {0, 1, 8, 9}
        memory.recall(content=[8])          # {0}

What was found, each in a table of ``python -m hmn_snn.models.hippocampus_cam --out out [--quick]``:

The recorded experiment. On SpiNNaker's emulator all of the board's 262 spikes are there and no other, with its numbers
and in float, and all 5 answers are right. In the reference semantics a spike acts a step later at every synapse: with
dt 0.1 ms (numba and brian2, spike for spike the same) there are 393 spikes, 171 of them the chip's to the millisecond,
and 2 answers are right; with dt 1 ms 417, 40 and none; on the emulator with shifted delays 377, 40 and none. What is
learned once is recalled with dt 0.1 ms, too, but it is not forgotten: on the chip the old contents' spikes reach the
synapse in the very timestep of the cue's next spike, which depresses, elsewhere after it, which potentiates.

Capacity. 20 cues with 10 of 50 contents each, all asked by cue and by content: 17 of 20 and 50 of 50 answers are
faultless; 40 cues with 8 of 64 contents: 37 of 40 and 64 of 64. The faults are the chip's history: what a cue's synapse
has learned enters its weight at the cue's next spike, by the last 16 spikes of the content. A content that has spiked
more often for others by then is lost. If each cue is recalled once after it was learned, all of 20, 50, 40 and 64 are
faultless. Much larger memories leave the chip's range with their inhibition, 12 nA (cues - 1) (contents + 1), and are
refused from 32,768 nA on.

Random use, 5 x 200 operations against a dictionary. 10 ms apart, as published, 84 of 675 answers are wrong; at 12 ms
43, at 15 and 20 ms 7. With what is learned recalled at once, 12 of 1000 at 10 ms, and none from 12 ms on. In the
reference semantics (dt 0.1 ms) about 550 of 675 are wrong.

False memories. Cue and content of operations that follow each other become associated. Learned in turn 4 times, 10 ms
apart, a cue has the other's content as well; 7 times at 12 ms, 18 at 15 ms, not in 100 times at 20 ms. Recalled in
turn, 22 and 43 times at 10 and 12 ms, not in 100 at 15 ms. Contents asked for together are associated the second time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import hmn_snn as hs
from hmn_snn.errors import DescriptionError

if TYPE_CHECKING:
    from .hippocampus_cam_experiments import Repetition

# Populations in the order of the published figures; the recording has OLcue and OLcont as one population, OL.
CUE_CUE, CONT_CUE, COND, COND_INT = "cueCue", "contCue", "cond", "condInt"
CUE_CONT, CONT_CONT, MERGE_CUE, MERGE_CONT = "cueCont", "contCont", "mergeCue", "mergeCont"
OL_CUE, OL_CONT = "OLcue", "OLcont"
POPULATIONS = (CUE_CUE, CONT_CUE, COND, COND_INT, CUE_CONT, CONT_CONT, MERGE_CUE, MERGE_CONT, OL_CUE, OL_CONT)
IL_CUE, IL_CONT = "ILcue", "ILcont"

# Times and delays are whole timesteps of the published network [ms].
TIMESTEP = 1.0
W_MAX = 6.0  # nA

# The published recording that the golden figures of the tests are of [ms]: nothing but its input.
EXPERIMENT_1_DURATION = 90.0
EXPERIMENT_1_CUE_SPIKES: tuple[tuple[float, ...], ...] = (
    (0, 1, 2, 30),
    (),
    (),
    (20, 21, 22, 60, 61, 62, 70),
    (10, 11, 12),
)
EXPERIMENT_1_CONTENT_SPIKES: tuple[tuple[float, ...], ...] = (
    (0, 1, 2, 50),
    (0, 1, 2, 10, 11, 12, 60, 61, 62),
    (),
    (60, 61, 62),
    (20, 21, 22, 50, 60, 61, 62),
    (10, 11, 12, 20, 21, 22),
    (10, 11, 12, 20, 21, 22, 40, 80),
    (),
    (0, 1, 2, 60, 61, 62),
    (0, 1, 2),
)

_MS_PER_S = 1000.0
_OWNER = "model 'hippocampus_cam'"


def hippocampus_cam(
    cue_size: int = 5,
    content_size: int = 10,
    cue_spikes: Sequence[Any] | None = None,
    content_spikes: Sequence[Any] | None = None,
    *,
    dt: float = 1.0,
    seed: int = 1,
) -> hs.Network:
    """Return the memory as a network with given input spikes; without any, with those of the recorded experiment.

    Operations are spikes of the inputs: a cue and its contents, three times, a millisecond apart, are learned; a single
    spike of a cue, or of contents, recalls; see :data:`hmn_snn.models.hippocampus_cam_memory.TIMING`. Cells are LIF
    neurons whose every input reaches threshold by itself. Two projections learn, ``cueCue -> contCue`` (what a cue
    recalls) and ``contCont -> cueCont`` (what a content recalls); the others are fixed.

    The plastic synapses have the pair rule of STDP as SpiNNaker has it, weights in [0, 6] nA changing by up to 6 nA at
    once. It is an :class:`hmn_snn.HMNRule` without modulators whose eligibility lives one step and whose tick is the
    step: a pairing pends ``dt eta_l e`` with ``eta_l = 1/dt``, so that the weight changes by exactly ``A exp(-s/tau)``
    and at once. Delays are dendritic, and an arrival at the same time as a post spike depresses.

    Delays are the chip's. There a spike arrives in the timestep that its delay says and can fire a cell in the same; in
    the reference semantics it fires one in the following step at the earliest. The network therefore needs the timing
    of ``backend="spinnaker"`` with ``dt=1``: see :mod:`hmn_snn.models.hippocampus_cam_experiments`.

    Parameters
    ----------
    cue_size, content_size : int
    cue_spikes : sequence of cue_size sequences of float, optional [ms]
        Spikes of each cue, from 0 ms on; empty for none.
    content_spikes : sequence of content_size sequences of float, optional [ms]
        If one of the two is not given, that input is silent; if neither, both are those of the recorded experiment,
        which has 5 cues and 10 contents.
    dt : float [ms]
    seed : int
        Nothing is drawn from it.

    Returns
    -------
    Network

    Raises
    ------
    DescriptionError
        If a size is below 1, or spikes are not one list of times, 0 ms or more, for each neuron.
    """
    require_sizes(cue_size, content_size)
    if cue_spikes is None and content_spikes is None and (cue_size, content_size) == (5, 10):
        cue_spikes, content_spikes = EXPERIMENT_1_CUE_SPIKES, EXPERIMENT_1_CONTENT_SPIKES
    net = hs.Network("hippocampus_cam", dt=dt, seed=seed)
    inputs = (
        hs.SpikeInput(_given("cue_spikes", cue_spikes, cue_size), name=IL_CUE),
        hs.SpikeInput(_given("content_spikes", content_spikes, content_size), name=IL_CONT),
    )
    return with_inputs(net, *inputs)


def require_sizes(cue_size: int, content_size: int) -> None:
    """Refuse sizes that no memory can have.

    Parameters
    ----------
    cue_size, content_size : int

    Raises
    ------
    DescriptionError
    """
    for name, size in (("cue_size", cue_size), ("content_size", content_size)):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise DescriptionError(_OWNER, name, size, "give an integer, 1 or more")


def _given(name: str, spikes: Sequence[Any] | None, size: int) -> Sequence[Any]:
    """Return input spikes, one array per neuron, or refuse them."""
    if spikes is None:
        return [()] * size
    if isinstance(spikes, str) or not hasattr(spikes, "__len__") or len(spikes) != size:
        found = len(spikes) if hasattr(spikes, "__len__") and not isinstance(spikes, str) else spikes
        raise DescriptionError(_OWNER, name, found, f"give {size} lists of times in ms, one for each neuron")
    arrays = []
    for i, times in enumerate(spikes):
        try:
            array = np.asarray(times, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.empty((0, 0))
        if array.ndim != 1 or not np.isfinite(array).all() or (array < 0.0).any():
            raise DescriptionError(_OWNER, f"{name}[{i}]", times, "give a list of times in ms, 0 or more")
        arrays.append(array)
    return arrays


def with_inputs(net: hs.Network, cues: Any, contents: Any) -> hs.Network:
    """Add the memory to an empty network, driven by two inputs.

    Parameters
    ----------
    net : Network
        Changed and returned.
    cues, contents : SpikeInput or PoissonInput
        Not added yet; their sizes are those of the memory.

    Returns
    -------
    Network
    """
    n_cues, n_contents = len(cues), len(contents)
    net.add(cues)
    net.add(contents)
    # A cell fires from one 6 nA spike, but cond from 9 nA only where cues (6 nA, inhibitory) are silent.
    slow = {"cm": 0.27, "tau_m": 3.0}
    fast = {"cm": 0.14, "tau_m": 0.5}
    for name, size, kind in (
        (CUE_CUE, n_cues, slow), (CONT_CUE, n_contents, slow), (COND, n_contents, fast), (COND_INT, 1, fast),
        (CUE_CONT, n_cues, fast), (CONT_CONT, n_contents, slow), (MERGE_CUE, n_cues, slow),
        (MERGE_CONT, n_contents, slow), (OL_CUE, n_cues, slow | {"v_thresh": -57.5}),
        (OL_CONT, n_contents, slow | {"v_thresh": -57.5}),
    ):  # fmt: skip
        net.add(hs.Population(size, _cell(**kind), name=name))
    others = hs.FromArrays(*np.nonzero(~np.eye(n_cues, dtype=bool)))
    silencing = W_MAX * n_contents  # more than all contents together can excite a cue with
    one, every = hs.OneToOne(), hs.AllToAll()
    for pre, post, connector, weight, delay, receptor in (
        (IL_CUE, CUE_CUE, one, 6.0, 1, "excitatory"),
        (IL_CONT, CONT_CUE, one, 6.0, 1, "excitatory"),
        (CUE_CUE, CUE_CONT, one, 6.0, 2, "excitatory"),
        (CUE_CUE, CUE_CONT, others, silencing, 3, "inhibitory"),
        (CUE_CUE, COND, every, 6.0, 2, "inhibitory"),
        (CONT_CUE, COND, one, 9.0, 1, "excitatory"),
        (COND, CONT_CONT, one, 6.0, 1, "excitatory"),
        (CONT_CUE, COND_INT, every, 6.0, 1, "excitatory"),
        (COND_INT, COND, every, 2.0, 1, "excitatory"),
        (CUE_CONT, CUE_CONT, others, silencing, 2, "inhibitory"),
        (CUE_CUE, MERGE_CUE, one, 6.0, 3, "excitatory"),
        (CUE_CONT, MERGE_CUE, one, 6.0, 1, "excitatory"),
        (CONT_CUE, MERGE_CONT, one, 6.0, 3, "excitatory"),
        (CONT_CONT, MERGE_CONT, one, 6.0, 1, "excitatory"),
        (MERGE_CUE, OL_CUE, one, 6.0, 1, "excitatory"),
        (MERGE_CONT, OL_CONT, one, 6.0, 1, "excitatory"),
    ):
        name = f"{pre} -> {post}" if receptor == "excitatory" else f"{pre} -| {post}"
        ends = net[pre], net[post]
        net.add(hs.Projection(*ends, connector, weight, delay=delay * TIMESTEP, receptor=receptor, name=name))
    for pre, post in ((CUE_CUE, CONT_CUE), (CONT_CONT, CUE_CONT)):
        net.add(hs.Projection(net[pre], net[post], every, 0.0, delay=TIMESTEP, plasticity=_rule(net.dt)))
    return net


def _cell(**different: Any) -> hs.LIF:
    """Return the published cell: at rest at -60 mV, 3 mV (or 2.5 mV) below threshold."""
    common: dict[str, Any] = {"v_rest": -60.0, "v_reset": -60.0, "v_thresh": -57.0, "tau_syn_E": 0.3, "tau_syn_I": 0.3}
    return hs.LIF(**(common | {"tau_refrac": TIMESTEP} | different))


def _rule(dt: float) -> hs.HMNRule:
    """Return plain pair STDP: a change of A exp(-s/tau), at once."""
    return hs.HMNRule(
        A_plus=W_MAX, A_minus=-W_MAX, tau_plus=3.0, tau_minus=3.0,
        tau_fast=dt / 50.0,  # of a pairing e^-50 is left a step later, which is less than rounding leaves
        kappa_slow=0.0, eta_l=_MS_PER_S / dt, eta_g=0.0, w_min=0.0, w_max=W_MAX, tick=dt, tie="ltd",
        delay_kind="dendritic",
    )  # fmt: skip


def report(out_dir: str | Path, quick: bool = False) -> dict[str, Repetition]:
    """Run the experiments, print the tables, draw the figure.

    Parameters
    ----------
    out_dir : str or pathlib.Path
        Made if it is not there. Gets ``hippocampus_cam.png`` and ``hippocampus_cam.txt``.
    quick : bool
        Small memories and short sequences.

    Returns
    -------
    dict of str to Repetition
        The recorded experiment in each of the numerics.
    """
    from .hippocampus_cam_experiments import (
        CHIP,
        NUMERICS,
        experiment_1,
        experiment_1_table,
        missing,
        report_parts,
    )
    from .hippocampus_cam_figure import experiment_1_figure

    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    left_out = missing()
    for name, reason in left_out.items():
        print(f"left out: {name}: {reason}")
    found = experiment_1({name: options for name, options in NUMERICS.items() if name not in left_out})
    figure, text = folder / "hippocampus_cam.png", folder / "hippocampus_cam.txt"
    experiment_1_figure({name: found[name] for name in (CHIP, "numba, dt 0.1 ms")}).savefig(figure, dpi=150)
    parts: list[str] = []
    for title, table in (("The recorded experiment", experiment_1_table(found)), *report_parts(quick)):
        parts.append(f"{title}\n\n{table}")
        print(f"\n{parts[-1]}", flush=True)
        text.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"\nwritten:\n  {figure}\n  {text}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments from the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process if not given.

    Returns
    -------
    int
        The exit code.
    """
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser("python -m hmn_snn.models.hippocampus_cam", description=summary)
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="for the figure (default: out)")
    parser.add_argument("--quick", action="store_true", help="small memories and short sequences")
    options = parser.parse_args(arguments)
    report(options.out, options.quick)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
