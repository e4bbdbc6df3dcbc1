"""Nodes of a NIR graph that are linear maps, as sparse matrices: dense layers, scales, convolutions and pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DescriptionError

Shape = tuple[int, ...]

LINEAR = ("Linear", "Affine", "Scale", "Flatten", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d")
_POOLS = ("SumPool2d", "AvgPool2d")
# Nodes that only mark a place: they pass on what they get.
PORTS = ("Input", "Output")


def linear_map(owner: str, node: Any, shape: Shape) -> tuple[Any, Shape]:
    """Return the matrix of a linear node without its bias.

    Parameters
    ----------
    owner : str
        The node as error messages name it.
    node : nir.NIRNode
    shape : tuple of int
        Shape of what comes in; arrays are read in C order.

    Returns
    -------
    matrix : (n_out, n_in) scipy.sparse CSR matrix
    shape : tuple of int
        Shape of what goes out.

    Raises
    ------
    DescriptionError
        If the node does not fit what comes in.
    """
    from scipy import sparse

    kind, n = type(node).__name__, int(np.prod(shape))
    if kind in ("Linear", "Affine"):
        weight = np.asarray(node.weight, dtype=np.float64)
        if weight.ndim != 2 or weight.shape[1] != n:
            allowed = f"{n} values come in, of shape {shape}; give a matrix (n_out, {n})"
            raise DescriptionError(owner, "shape of weight", weight.shape, allowed)
        return sparse.csr_matrix(weight), (weight.shape[0],)
    if kind == "Scale":
        scale = np.ravel(np.asarray(node.scale, dtype=np.float64))
        if scale.size not in (1, n):
            raise DescriptionError(owner, "shape of scale", scale.shape, f"{n} values come in; give 1 or {n}")
        return sparse.diags(np.broadcast_to(scale, (n,)), format="csr"), shape
    if kind == "Flatten":
        return sparse.identity(n, format="csr"), _flattened(shape, int(node.start_dim), int(node.end_dim))
    if kind in PORTS:
        return sparse.identity(n, format="csr"), shape
    return _convolution(owner, node, shape)


def bias_of(node: Any, shape: Shape) -> np.ndarray | None:
    """Return what a node adds to what goes out.

    Parameters
    ----------
    node : nir.NIRNode
    shape : tuple of int
        Shape of what goes out.

    Returns
    -------
    (n_out,) float array, or None
        None where it adds nothing. A convolution has one bias per channel.
    """
    given = getattr(node, "bias", None)
    if given is None or not np.any(given):
        return None
    bias = np.asarray(given, dtype=np.float64)
    if type(node).__name__ in ("Conv1d", "Conv2d"):
        bias = bias.reshape(-1, *[1] * (len(shape) - 1))
    return np.ravel(np.broadcast_to(bias, shape))


def input_shape(node: Any) -> Shape | None:
    """Return the shape that a node itself says comes in.

    Parameters
    ----------
    node : nir.NIRNode

    Returns
    -------
    tuple of int, or None
        None where only what precedes the node decides.
    """
    if type(node).__name__ in ("Linear", "Affine"):
        return (int(np.shape(node.weight)[-1]),)
    given = getattr(node, "input_shape", None)
    if given is None:
        return None
    channels = int(np.shape(node.weight)[1]) * int(node.groups)
    return (channels, *(int(length) for length in np.ravel(given)))


def _flattened(shape: Shape, start: int, end: int) -> Shape:
    end = end % len(shape)
    return (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :])


def _convolution(owner: str, node: Any, shape: Shape) -> tuple[Any, Shape]:
    """Unroll a convolution or a pool: one matrix entry per output, input channel and place of the kernel."""
    from scipy import sparse

    kind = type(node).__name__
    n_dims = 1 if kind == "Conv1d" else 2
    if len(shape) != n_dims + 1:
        allowed = f"it takes {n_dims + 1} axes, the channels first; put no Flatten before it"
        raise DescriptionError(owner, "shape of what comes in", shape, allowed)
    if kind in _POOLS:  # every channel by itself, all places of the kernel alike
        size = _per_axis(node.kernel_size, n_dims).tolist()
        weight = np.ones((shape[0], 1, *size)) / (np.prod(size) if kind == "AvgPool2d" else 1.0)
        groups, dilation = shape[0], np.ones(n_dims, dtype=int)
    else:
        weight, groups = np.asarray(node.weight, dtype=np.float64), int(node.groups)
        dilation = _per_axis(node.dilation, n_dims)
    if weight.ndim != n_dims + 2 or weight.shape[1] * groups != shape[0] or weight.shape[0] % groups:
        allowed = f"{shape[0]} channels come in, in {groups} groups; give (channels out, channels of a group, ...)"
        raise DescriptionError(owner, "shape of weight", weight.shape, allowed)
    windows = _windows(owner, node, shape, weight.shape[2:], dilation)
    places = windows.shape[1 : 1 + n_dims]
    # Axes: group, channel out, channel in, place of the output, place of the kernel.
    n_places, n_kernel = int(np.prod(places)), int(np.prod(weight.shape[2:]))
    column = windows.reshape(groups, 1, -1, n_places, n_kernel)
    value = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], 1, n_kernel)
    row = np.arange(weight.shape[0] * n_places).reshape(groups, -1, 1, n_places, 1)
    value, row, column = (np.ravel(part) for part in np.broadcast_arrays(value, row, column))
    inside = (column >= 0) & (value != 0.0)
    entries, size = (value[inside], (row[inside], column[inside])), (weight.shape[0] * n_places, int(np.prod(shape)))
    return sparse.csr_matrix(entries, shape=size), (weight.shape[0], *places)


def _windows(owner: str, node: Any, shape: Shape, kernel: Shape, dilation: np.ndarray) -> Any:
    """Return the input's index under each place of the kernel, -1 in the padding: (channel, *output, *kernel)."""
    n_dims = len(kernel)
    stride = _per_axis(node.stride, n_dims)
    reach = dilation * (np.array(kernel) - 1)
    if isinstance(node.padding, str) and node.padding == "same":
        if (stride != 1).any():
            raise DescriptionError(owner, "padding", "same", f"the stride is {stride}; give the padding in numbers")
        before, after = reach // 2, reach - reach // 2
    else:
        before = after = _per_axis(0 if isinstance(node.padding, str) else node.padding, n_dims)
    index = np.arange(int(np.prod(shape))).reshape(shape)
    index = np.pad(index, [(0, 0), *zip(before, after, strict=True)], constant_values=-1)
    if (np.array(index.shape[1:]) <= reach).any():
        allowed = f"what comes in, padded, has {index.shape[1:]}; use a smaller kernel or more padding"
        raise DescriptionError(owner, "reach of the kernel", tuple((reach + 1).tolist()), allowed)
    windows = np.lib.stride_tricks.sliding_window_view(index, (1, *(reach + 1).tolist()))
    over, inside = ([slice(None, None, step) for step in steps] for steps in (stride, dilation))
    chosen: tuple[Any, ...] = (slice(None), *over, 0, *inside)
    return windows[chosen]


def _per_axis(value: Any, n_dims: int) -> np.ndarray:
    return np.broadcast_to(np.ravel(np.asarray(value, dtype=int)), (n_dims,))
