"""Any parameter of a network by a path such as ``exc.cell.tau_m``, and copies of the network with other values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from .description import Named
from .errors import DescriptionError, UnknownNameError
from .network import Network

_OF_NETWORK = ("dt", "seed")


def with_parameters(network: Network, values: Mapping[str, Any]) -> Network:
    """Return a copy of a network with other values at some paths.

    Parameters
    ----------
    network : Network
    values : mapping of str to value
        A path is the name of an object and of its parameter, with those of its parts between them:
        ``"stim.rate"``, ``"exc.cell.tau_m"``, ``"stim -> exc.plasticity.eta_g"``; or ``"dt"``, ``"seed"``.

    Returns
    -------
    Network

    Raises
    ------
    UnknownNameError
        If the network has no such object, or the object no such parameter.
    DescriptionError
        If a value is none for the parameter.
    """
    changed: dict[str, list[tuple[list[str], Any]]] = {}
    head = {path: value for path, value in values.items() if path in _OF_NETWORK}
    for path, value in values.items():
        if path not in head:
            name, parts = split(network, path)
            changed.setdefault(name, []).append((parts, value))
    copy = Network(network.name, network.dt, network.seed).replace(**head)
    made: dict[int, Any] = {}
    for name, thing in network.things.items():
        new = _rebuilt(thing, made)
        for parts, value in changed.get(name, ()):
            new = _with(new, parts, value, new.owner)
        made[id(thing)] = copy.add(new)
    copy.recordings.extend(_rebuilt(recording, made) for recording in network.recordings)
    return copy


def split(network: Network, path: str) -> tuple[str, list[str]]:
    """Return the object that a path begins with, and the names after it.

    Parameters
    ----------
    network : Network
    path : str

    Returns
    -------
    str, list of str

    Raises
    ------
    UnknownNameError
    """
    names = [name for name in network.things if path.startswith(f"{name}.")]
    if not names:
        raise UnknownNameError("object in path", path, [*_OF_NETWORK, *(f"{name}." for name in network.things)])
    name = max(names, key=len)
    parts = path[len(name) + 1 :].split(".")
    thing: Any = network.things[name]
    for part in parts:
        known = [item.name for item in dataclasses.fields(thing)] if dataclasses.is_dataclass(thing) else []
        known = [field for field in known if field != "name"]
        if part not in known:
            raise UnknownNameError(f"parameter in path {path!r}", part, known)
        thing = getattr(thing, part)
    return name, parts


def _with(thing: Any, parts: list[str], value: Any, owner: str) -> Any:
    """Return an object with another value some fields down."""
    if len(parts) > 1:
        value = _with(getattr(thing, parts[0]), parts[1:], value, owner)
    try:
        return dataclasses.replace(thing, **{parts[0]: value})
    except DescriptionError:
        raise
    except (TypeError, ValueError) as error:
        raise DescriptionError(owner, parts[0], value, str(error)) from error


def _rebuilt(thing: Any, made: Mapping[int, Any]) -> Any:
    """Return a description that refers to the new objects where it referred to the old ones."""
    if isinstance(thing, Named) and id(thing) in made:
        return made[id(thing)]
    if isinstance(thing, tuple):
        members = tuple(_rebuilt(member, made) for member in thing)
        return members if any(a is not b for a, b in zip(members, thing, strict=True)) else thing
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = [item.name for item in dataclasses.fields(thing) if item.init]
        new = {name: _rebuilt(getattr(thing, name), made) for name in fields}
        changes = {name: value for name, value in new.items() if value is not getattr(thing, name)}
        # An object of the network is always made anew: adding one to a second network would share it.
        return dataclasses.replace(thing, **changes) if changes or isinstance(thing, Named) else thing
    return thing
