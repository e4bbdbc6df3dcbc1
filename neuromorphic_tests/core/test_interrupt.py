"""Ctrl-C ends a run early and loses nothing."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import progress, simulate
from hmn_snn.errors import RunInterruptedError


@pytest.fixture
def busy() -> hs.Network:
    net = hs.Network("busy", seed=2)
    stim = net.add(hs.PoissonInput(20, rate=50.0, name="stim"))
    cells = net.add(hs.Population(10, name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.5))
    return net


@pytest.fixture
def _interrupted_after_the_first_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = progress.progress_bar

    def interrupting(n_steps, dt, wanted):
        class Interrupting:
            def __enter__(self):
                self.inner = shown(n_steps, dt, False)
                self.inner.__enter__()
                return lambda steps: signal.raise_signal(signal.SIGINT)

            def __exit__(self, *error):
                return self.inner.__exit__(*error)

        return Interrupting()

    monkeypatch.setattr(progress, "progress_bar", interrupting)


@pytest.mark.usefixtures("_interrupted_after_the_first_chunk")
def test_an_interrupted_run_hands_over_what_it_did(busy):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(RunInterruptedError) as caught:
        hs.run(busy, 10_000.0)
    part = caught.value.results
    assert 0.0 < part.t_stop < 10_000.0
    assert signal.getsignal(signal.SIGINT) is handler
    whole = busy.replace()
    expected = simulate.registry.get("numba").translate(simulate.lower(whole)).run(round(part.t_stop / 0.1))
    assert len(part.spikes["cells"]) > 10
    assert np.array_equal(part.spikes["cells"].t, expected.spikes["cells"].t)


@pytest.mark.usefixtures("_interrupted_after_the_first_chunk")
def test_an_interrupted_simulation_can_go_on(busy, monkeypatch):
    with hs.Simulation(busy) as sim:
        with pytest.raises(RunInterruptedError):
            sim.run(1000.0)
        reached = sim.t
        monkeypatch.undo()
        rest = sim.run(1000.0 - reached)
    assert rest.t_start == pytest.approx(reached)
    assert rest.t_stop == pytest.approx(1000.0)
