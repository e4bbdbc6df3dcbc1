"""The memristor backend's translator: what the chosen devices, wires and converters will do to a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hmn_snn.lowered import LoweredNetwork
from hmn_snn.translator import FEATURES, Capabilities, Finding, Severity, feature_findings

if TYPE_CHECKING:
    from .._shared.program import KernelProgram

# The parameters of Hardware, which is not loaded for their names alone.
OPTIONS = (
    "device", "scheme", "wires", "operator", "tile", "converter", "learning", "switch", "longest_train", "tolerance",
    "pulse_budget", "clock", "age", "compensation", "read_voltage", "read_time", "write_voltage", "write_time",
    "access",
)  # fmt: skip


class MemristorTranslator:
    """Translator to crossbars of memristors, emulated."""

    name = "memristor"
    capabilities = Capabilities(
        features=frozenset(FEATURES),
        executors=("emulator",),
        precisions=("float64",),
        closed_loop=True,
        limits={
            "crossbar": "silent rows are held at 0 V",
            "weights": "w_max is finite where a projection learns; Simulation.set_weights cannot write them",
        },
        options=OPTIONS,
    )

    def unavailable(self) -> str | None:
        """Return why the emulator cannot run here, or None."""
        try:
            import numba  # noqa: F401
        except ImportError as error:
            return f"numba cannot be imported ({error}); run: pip install numba"
        return None

    def check(
        self, lowered: LoweredNetwork, *, precision: str = "float64", executor: str = "emulator", **options: Any
    ) -> tuple[Finding, ...]:
        """Return what to know before running.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision : "float64"
        executor : "emulator"
        **options
            Parameters of :class:`Hardware`.

        Returns
        -------
        tuple of Finding
        """
        from .hardware import Hardware

        hardware = Hardware.of(options)
        findings = list(feature_findings(lowered, self.capabilities))
        for projection in lowered.projections:
            findings += _findings(projection, hardware)
        return tuple(findings)

    def translate(
        self,
        lowered: LoweredNetwork,
        *,
        precision: str = "float64",
        executor: str = "emulator",
        findings: Any = (),
        **options: Any,
    ) -> KernelProgram:
        """Return a program for a network that was checked.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision, executor : str
        findings : tuple of Finding
            Travel in the results.
        **options
            Parameters of :class:`Hardware`.

        Returns
        -------
        KernelProgram
        """
        from .._shared.program import KernelProgram
        from .._shared.session import Stamp
        from .hardware import Hardware
        from .session import CrossbarSession

        hardware = Hardware.of(options)
        stamp = Stamp("memristor", executor, precision, ("numba",), tuple(findings))
        return KernelProgram(lambda: CrossbarSession(lowered, stamp, hardware))


def _findings(projection: Any, hardware: Any) -> Iterator[Finding]:
    """Yield what a crossbar does to a projection."""
    from .array_layout import Layout
    from .circuit import expected_loss, loss_remark
    from .devices import WRITTEN

    name, device, rule = projection.name, hardware.device, projection.plasticity
    kind = type(device).__name__
    if rule is not None:
        yield from _rule_findings(projection, hardware)
        if rule.rule.w_max == float("inf"):
            return
    layout = Layout(projection, hardware)
    if hardware.scheme == "offset" and layout.crosspoints_shared:
        found = f"{layout.crosspoints_shared} synapses share source, delay and target with another"
        yield Finding(Severity.REJECTED, name, "crosspoints", found, "one device each; use scheme='differential'")
    for cause in device.causes:
        yield Finding(Severity.ALTERED, name, "weights", f"{cause} of {kind}", "what the devices give")
    if not hardware.wires.ideal:
        kappa = layout.kappa
        found = f"tiles of {layout.tile}, kappa {kappa:.3g}"
        how = "exact operator" if layout.exact else "gains of rows and columns (approximate)"
        yield Finding(Severity.ALTERED, name, "wires", found, loss_remark(kappa, name) or how, expected_loss(kappa))
    if hardware.converter.bits is not None:
        found = f"converter of {hardware.converter.bits} bits per column"
        yield Finding(Severity.ALTERED, name, "currents", found, "sums of a step are rounded and clipped")
    if projection.astrocytes >= 0:
        limit = "multiplied where a column is read"
        yield Finding(Severity.HOST, name, "astrocyte gain", "one factor per territory", limit)
    if rule is not None and device.kind != WRITTEN:
        step = device.mean_step / (device.g_max - device.g_min)
        found = f"{hardware.learning}, each about {step:.2g} of the range"
        yield Finding(Severity.ALTERED, name, "weight changes", found, "what pulses make of them", min(1.0, step))
    if rule is not None and hardware.compensation != "none":
        limit = "not compensated: writes change the sum of currents that tells of drift"
        yield Finding(Severity.ALTERED, name, "compensation", "a projection that learns", limit)


def _rule_findings(projection: Any, hardware: Any) -> Iterator[Finding]:
    from .devices import WRITTEN

    rule, name = projection.plasticity.rule, projection.name
    if rule.w_max == float("inf"):
        limit = "the devices' range stands for w_min to w_max; give a finite w_max"
        yield Finding(Severity.REJECTED, name, "w_max", "infinite", limit)
    if hardware.learning == "one pulse":
        if hardware.device.kind == WRITTEN:
            limit = "give a pulsed device, or learning='pulses'"
            yield Finding(Severity.REJECTED, name, "learning", "one pulse, on devices written to a target", limit)
        if rule.apply == "always":
            limit = "one pulse needs apply='probabilistic' in the rule, or use learning='pulses'"
            yield Finding(Severity.REJECTED, name, "apply", "always", limit)
