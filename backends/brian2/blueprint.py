"""What a network becomes in Brian2, as data: its parts, and which lowered object each of them stands for.

Two things are made from it: Brian2 objects (``native.py``) and a script that makes such objects (``script.py``). The
order in which a step runs them is ``ORDER``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .._shared.names import Names
from .parts import PATHWAYS, Group, Links, Part, Probe

# What happens in Brian2's step from t_n to t_n+1, by slot and order.
ORDER = """\
start       0    modulators: releases and tonic levels of t_n
start       1    neurons add the currents that arrived at t_n; the gating signal G of t_n
start       2    samples are taken
groups     -1    coupling of oscillators, with the phases of t_n
groups      0    neurons integrate
groups      1    oscillators advance, phasic levels decay
groups      2    the gating signal G of t_n+1
thresholds       spikes, which carry the time t_n+1; Brian2 dates them t_n
synapses    0    synapses, astrocytes and oscillators note what reached them at t_n+1
synapses    1    traces, pairings and pending updates
synapses    2    spikes kick oscillators
resets           what a spike does to its neuron
end         0    astrocytes
end         1-6  learning tick
end         9    arrivals at t_n+1 are summed, with weights and gains valid after the tick"""


@dataclass(eq=False)
class Blueprint:
    """All parts of a network, and which lowered object each stands for.

    Attributes
    ----------
    lowered : LoweredNetwork
    names : Names
    groups, links : dict
        By identifier.
    inputs : dict of str to int
        Index of the lowered input, by identifier of its SpikeGeneratorGroup.
    probes : list of Probe
    monitors : dict of str to str
        Identifier of the SpikeMonitor, by that of the group or input.
    sources : list of str or None
        The group or input of each source; None for an empty one. Likewise ``modulators``, ``oscillators``,
        ``astrocytes``, ``projections`` and ``gatings`` (the gating signal of each projection).
    initial : dict of str to str
        Synapses that bring an input's spikes at 0 ms, by those of their projection.
    """

    lowered: Any
    names: Names = field(default_factory=Names)
    groups: dict[str, Group] = field(default_factory=dict)
    links: dict[str, Links] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    probes: list[Probe] = field(default_factory=list)
    monitors: dict[str, str] = field(default_factory=dict)
    sources: list[str | None] = field(default_factory=list)
    modulators: list[str] = field(default_factory=list)
    oscillators: list[str | None] = field(default_factory=list)
    astrocytes: list[str | None] = field(default_factory=list)
    projections: list[str | None] = field(default_factory=list)
    gatings: list[str | None] = field(default_factory=list)
    initial: dict[str, str] = field(default_factory=dict)

    def group(self, name: str, size: int, label: str) -> Group:
        """Add a group with a name like the one given."""
        group = Group(self.names.new(name), label, self.names, size=size)
        self.groups[group.name] = group
        return group

    def link(self, name: str, source: str, target: str, pre: Any, post: Any, label: str) -> Links:
        """Add synapses with a name like the one given."""
        identifier = self.names.new(name, PATHWAYS)
        links = Links(identifier, label, self.names, source=source, target=target, pre=pre, post=post)
        self.links[links.name] = links
        return links

    def part(self, name: str) -> Part:
        """Return a group or synapses by identifier."""
        return self.groups[name] if name in self.groups else self.links[name]

    def hearing(self, projection: Any) -> str | None:
        """Return the astrocytes that hear a projection, None for none."""
        return self.astrocytes[projection.astrocytes] if projection.astrocytes >= 0 else None

    def member(self, oscillator: int) -> tuple[str, int]:
        """Return group and index in it of a single oscillator."""
        for name, group in zip(self.oscillators, self.lowered.oscillators, strict=True):
            if name is not None and group.first <= oscillator < group.first + group.size:
                return name, oscillator - group.first
        raise AssertionError(f"no oscillator {oscillator}")
