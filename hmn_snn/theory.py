"""Firing rates in closed form: what an integrate-and-fire neuron does under constant and under noisy drive."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .errors import DescriptionError
from .units import to_canonical

_MS_PER_S = 1000.0
_LARGEST = 26.0  # exp(26**2) is near the largest float; the rate of a threshold that far away is below 1e-280 Hz


def lif_rate(
    v_inf: Any, tau_m: Any = 20.0, tau_refrac: Any = 0.1, v_thresh: Any = -50.0, v_reset: Any = -65.0
) -> float | np.ndarray:
    """Return the rate of a leaky integrate-and-fire neuron under constant drive (its f-I curve).

    ``1 / (tau_refrac + tau_m ln((v_inf - v_reset) / (v_inf - v_thresh)))``, and 0 where v_inf stays below the threshold
    (Gerstner et al., *Neuronal Dynamics*, 2014, section 1.3). The defaults are those of :class:`hmn_snn.LIF`.

    Parameters
    ----------
    v_inf : float or array [mV]
        Where the membrane potential would settle without a threshold: v_rest + R i.
    tau_m, tau_refrac : float or array [ms]
    v_thresh, v_reset : float or array [mV]

    Returns
    -------
    float or array [Hz]

    Raises
    ------
    DescriptionError
        If a parameter is out of range.

    Examples
    --------
    >>> round(lif_rate(15.0, tau_m=10.0, tau_refrac=5.0, v_thresh=10.0, v_reset=0.0), 4)
    62.5543
    """
    mu, tau, refractory, threshold, reset = _checked("lif_rate", "v_inf", v_inf, tau_m, tau_refrac, v_thresh, v_reset)
    fires = mu > threshold
    above = np.where(fires, mu, threshold + 1.0)
    interval = refractory + tau * np.log((above - reset) / (above - threshold))
    return _plain(np.where(fires, _MS_PER_S / interval, 0.0))


def siegert(
    mu: Any, sigma: Any, tau_m: Any = 20.0, tau_refrac: Any = 0.1, v_thresh: Any = -50.0, v_reset: Any = -65.0
) -> float | np.ndarray:
    """Return the rate of a leaky integrate-and-fire neuron under white noise.

    ``1 / (tau_refrac + tau_m sqrt(pi) int erfcx(-x) dx)`` from (v_reset - mu)/s to (v_thresh - mu)/s, with
    s = sqrt(2) sigma (Siegert, Phys. Rev. 81, 617, 1951; in this form Brunel & Hakim, Neural Comput. 11, 1621, 1999).
    A simulation in steps of dt comes near it with ``LIF(noise_correction=True)``.

    Parameters
    ----------
    mu : float or array [mV]
        Mean of the free membrane potential: v_rest + R i.
    sigma : float or array [mV]
        Its standard deviation, as in :class:`hmn_snn.LIF`; 0 gives :func:`lif_rate`. Where a paper writes the drive as
        ``sigma sqrt(tau_m) xi(t)``, without the factor 2, its sigma is sqrt(2) times this one.
    tau_m, tau_refrac : float or array [ms]
    v_thresh, v_reset : float or array [mV]

    Returns
    -------
    float or array [Hz]

    Raises
    ------
    DescriptionError
        If a parameter is out of range.

    Examples
    --------
    >>> round(siegert(10.0, 15.0 / 2**0.5, tau_m=10.0, tau_refrac=2.0, v_thresh=15.0, v_reset=0.0), 4)
    55.7838
    """
    mean, *others = _checked("siegert", "mu", mu, tau_m, tau_refrac, v_thresh, v_reset)
    noise = _quantity("siegert", "sigma", sigma, "mV", low=0.0)
    return _plain(np.vectorize(_siegert, otypes=[float])(mean, noise, *others))


def _siegert(mu: float, sigma: float, tau_m: float, tau_refrac: float, v_thresh: float, v_reset: float) -> float:
    from scipy.integrate import quad
    from scipy.special import erfcx

    if sigma == 0.0:
        return float(lif_rate(mu, tau_m, tau_refrac, v_thresh, v_reset))
    low, high = (v_reset - mu) / (np.sqrt(2.0) * sigma), (v_thresh - mu) / (np.sqrt(2.0) * sigma)
    if high > _LARGEST:
        return 0.0
    # The integrand decays like 1/x below 0 and grows like exp(x**2) above it: integrated apart, each is smooth.
    ends = [low, *(edge for edge in (-10.0, 0.0) if low < edge < high), high]
    area = sum(quad(lambda x: erfcx(-x), a, b, epsabs=0.0, epsrel=1e-12, limit=200)[0] for a, b in pairwise(ends))
    return float(_MS_PER_S / (tau_refrac + tau_m * np.sqrt(np.pi) * area))


def _checked(
    owner: str, drive: str, value: Any, tau_m: Any, tau_refrac: Any, v_thresh: Any, v_reset: Any
) -> tuple[np.ndarray, ...]:
    """Return the parameters that both rates share as arrays, in the order given; ``drive`` is the first one's name."""
    values = (
        _quantity(owner, drive, value, "mV"),
        _quantity(owner, "tau_m", tau_m, "ms", low=np.nextafter(0.0, 1.0)),
        _quantity(owner, "tau_refrac", tau_refrac, "ms", low=0.0),
        _quantity(owner, "v_thresh", v_thresh, "mV"),
        _quantity(owner, "v_reset", v_reset, "mV"),
    )
    if (values[4] >= values[3]).any():
        raise DescriptionError(owner, "v_reset", v_reset, f"use less than v_thresh ({v_thresh})")
    return values


def _quantity(owner: str, name: str, value: Any, unit: str, low: float = -np.inf) -> np.ndarray:
    array = np.asarray(to_canonical(value, unit, owner, name))
    if not np.isfinite(array).all() or (array < low).any():
        bound = "" if low == -np.inf else ", at least 0" if low == 0.0 else ", more than 0"
        raise DescriptionError(owner, name, value, f"give finite numbers{bound}, in {unit}")
    return array


def _plain(rate: np.ndarray) -> float | np.ndarray:
    """Return one number as a float, not as an array without axes."""
    return float(rate) if rate.ndim == 0 else rate
