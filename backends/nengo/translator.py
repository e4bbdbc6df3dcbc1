"""The Nengo backend's translator: static networks on Nengo's own LIF, or as a Loihi program on NengoLoihi's blocks."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hmn_snn import registry
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.translator import Capabilities, Finding, Severity, feature_findings

from .._shared.host import HostProgram, HostSession
from .._shared.session import Stamp
from . import packages
from .refusals import block_findings, core_findings, sampling_findings

CORE, BLOCKS = "nengo", "nengo-loihi"


class NengoTranslator:
    """Translator to Nengo (Bekolay et al., Front. Neuroinform. 7:48, 2014): a second opinion on static networks."""

    name = "nengo"
    capabilities = Capabilities(
        features=frozenset((
            "lif", "refractory", "delta_synapses", "heterogeneous_neurons", "membrane_noise", "currents", "delays",
            "poisson_input", "spike_input",
        )),
        executors=(CORE, BLOCKS),
        exact_spikes=False,
        closed_loop=True,
        limits={
            "weights": "fixed",
            "checkpoints": "none",
            "time constants, refractory period": "one value in a population, on executor nengo",
            "nengo-loihi": "the integers of backend loihi2; no membrane noise, one current of both receptors",
        },
    )  # fmt: skip

    def unavailable(self) -> str | None:
        """Return why Nengo and NengoLoihi cannot run here, or None."""
        return packages.missing()

    def check(
        self, lowered: LoweredNetwork, *, precision: str = "float64", executor: str = CORE
    ) -> tuple[Finding, ...]:
        """Return what to know before running.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision : "float64"
            Of what enters and leaves; the blocks of "nengo-loihi" hold integers.
        executor : "nengo" or "nengo-loihi"

        Returns
        -------
        tuple of Finding
        """
        own = feature_findings(lowered, self.capabilities)
        if executor == CORE:
            return own + core_findings(lowered)
        refused = tuple(finding for finding in own if finding.severity is Severity.REJECTED)
        known = {(finding.what, finding.where) for finding in refused}
        loihi = registry.get("loihi2").check(lowered, executor="emulator", learning="frozen")
        kept = tuple(finding for finding in loihi if (finding.what, finding.where) not in known)
        return refused + kept + block_findings(loihi_program(lowered)) + sampling_findings(lowered)

    def translate(
        self, lowered: LoweredNetwork, *, precision: str = "float64", executor: str = CORE, findings: Any = ()
    ) -> NengoProgram:
        """Return a program for a network that was checked.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision : "float64"
        executor : "nengo" or "nengo-loihi"
        findings : tuple of Finding
            Travel in the results.

        Returns
        -------
        NengoProgram
        """
        return NengoProgram(lowered, executor, tuple(findings))


def loihi_program(lowered: LoweredNetwork) -> Any:
    """Return the program that the backend for Loihi 2 makes of a network without learning.

    Parameters
    ----------
    lowered : LoweredNetwork

    Returns
    -------
    LoihiProgram
    """
    return registry.get("loihi2").translate(lowered, executor="emulator", learning="frozen").native


class NengoProgram(HostProgram):
    """A network for Nengo, or for NengoLoihi's blocks.

    Parameters
    ----------
    lowered : LoweredNetwork
    executor : "nengo" or "nengo-loihi"
    findings : tuple of Finding
    """

    def __init__(self, lowered: LoweredNetwork, executor: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(self._started)
        self.lowered, self.executor, self.findings = lowered, executor, findings

    @cached_property
    def _loihi(self) -> Any:
        return loihi_program(self.lowered)

    @property
    def native(self) -> Any:
        """A new ``nengo.Network`` whose inputs are silent, or the Loihi program that the blocks are made from."""
        if self.executor == BLOCKS:
            return self._loihi
        from .model import Model

        return Model(self.lowered).network

    def _started(self) -> HostSession:
        chip: Any
        if self.executor == BLOCKS:
            from .block_chip import BlockChip

            chip = BlockChip(self._loihi, self.lowered)
            stamp = Stamp("nengo", BLOCKS, "fixed_pt", ("nengo", "nengo-loihi", "numba"), self.findings)
        else:
            from .simulator import NengoChip

            chip = NengoChip(self.lowered)
            stamp = Stamp("nengo", CORE, "float64", ("nengo", "numba"), self.findings)
        return HostSession(self.lowered, stamp, chip, learns=False)
