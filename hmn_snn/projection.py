"""Projections: synapses from one group of neurons or inputs to a population."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .astrocytes import Astrocytes
from .connectors import Connector
from .description import Description, Named, part_problems, quantity
from .errors import DescriptionError
from .inputs import PoissonInput, SpikeInput
from .neurons import LIF
from .plasticity import HMNRule
from .population import Population, Sliceable, View, members
from .units import to_canonical


@dataclass(frozen=True, eq=False)
class Projection(Named):
    """Synapses of one kind between two groups.

    Parameters
    ----------
    pre : Population, PoissonInput, SpikeInput, or a slice of one
    post : Population or a slice of one
    connector : Connector
    weight : float, (n_synapses,) array, (n_pre, n_post) array or distribution [nA]
        At least 0; the receptor gives the sign. In mV where the receptor is a delta synapse. A matrix gives the weights
        of the connected pairs.
    delay : float, (n_synapses,) array or distribution [ms]
        Rounded to the grid, at least dt.
    receptor : "excitatory" or "inhibitory"
    plasticity : HMNRule, optional
    astrocytes : Astrocytes, optional
    territories : (n_post,) or (n_synapses,) int array, optional
        The astrocyte of each post neuron (read first where both shapes fit) or synapse; post neurons in equal
        contiguous groups if not given.
    name : str, optional
        ``"<pre> -> <post>"`` if not given.
    """

    pre: Sliceable | View
    post: Population | View
    connector: Connector
    weight: Any = 1.0
    delay: Any = quantity(1.0, "ms", array=True)
    receptor: str = "excitatory"
    plasticity: HMNRule | None = None
    astrocytes: Astrocytes | None = None
    territories: Any = None
    name: str | None = None

    kind: ClassVar[str] = "projection"

    def __post_init__(self) -> None:
        super().__post_init__()
        unit = self.weight_unit
        if isinstance(self.weight, Description) and hasattr(self.weight, "in_unit"):
            weight = self.weight.in_unit(unit, self.owner, "weight")
        else:
            matrix = self.weight.toarray() if hasattr(self.weight, "toarray") else self.weight
            weight = to_canonical(matrix, unit, self.owner, "weight")
        object.__setattr__(self, "weight", weight)
        if self.territories is not None:
            given = np.asarray(self.territories)
            if given.ndim != 1 or given.dtype.kind not in "iu":
                raise DescriptionError(self.owner, "territories", given, "give a flat array of astrocyte indices")
            territories = given.astype(np.int32)
            territories.flags.writeable = False
            object.__setattr__(self, "territories", territories)

    @property
    def target(self) -> Any:
        """The whole population that the synapses end on."""
        return self.post.parent if isinstance(self.post, View) else self.post

    @property
    def source(self) -> Any:
        """The whole population or input that the synapses come from."""
        return self.pre.parent if isinstance(self.pre, View) else self.pre

    @property
    def same_ends(self) -> bool:
        """Whether both ends are the same neurons in the same order, so that equal indices are the same neuron."""
        return self.source is self.target and np.array_equal(members(self.pre), members(self.post))

    @property
    def weight_unit(self) -> str:
        """nA, or mV where the receptor is a delta synapse."""
        target = self.target
        cell = target.cell if isinstance(target, Population) else None
        return "mV" if isinstance(cell, LIF) and cell.is_delta(self.receptor) else "nA"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the projection, as far as it shows before lowering."""
        owner = self.owner
        yield from super().problems(owner)
        if self.receptor not in ("excitatory", "inhibitory"):
            yield DescriptionError(owner, "receptor", self.receptor, "use 'excitatory' or 'inhibitory'")
        if not isinstance(self.target, Population):
            yield DescriptionError(owner, "post", self.target, "synapses end on a population or a slice of one")
        if not isinstance(self.source, (Population, PoissonInput, SpikeInput)):
            yield DescriptionError(owner, "pre", self.source, "give a population, an input or a slice of one")
        if isinstance(self.connector, Connector):
            yield from self.connector.problems(owner)
            if isinstance(self.target, Population) and isinstance(self.source, Sliceable):
                yield from self.connector.end_problems(owner, len(self.pre), len(self.post), self.same_ends)
        else:
            yield DescriptionError(owner, "connector", self.connector, "give a connector, such as AllToAll()")
        yield from self._weight_problems()
        if self.plasticity is not None:
            yield from self.plasticity.problems(owner)

    def _weight_problems(self) -> Iterator[DescriptionError]:
        if isinstance(self.weight, Description):
            yield from part_problems(self.owner, "weight", self.weight, ("distribution",))
            return
        values = np.asarray(self.weight)
        if not np.isfinite(values).all() or (values < 0).any():
            allowed = f"use finite magnitudes, at least 0 {self.weight_unit}; receptor='inhibitory' gives the sign"
            yield DescriptionError(self.owner, "weight", self.weight, allowed)
