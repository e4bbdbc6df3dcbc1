"""The handwritten digits: scikit-learn's 1797 images, split once and for all, and as input rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmn_snn.errors import UnknownNameError

N_CLASSES = 10
N_PIXELS = 64

# Euclidean norm of an image's rates [Hz]: all images are equally strong, a pixel fires at 40 Hz on average.
RATE_NORM = 480.0

PARTS = ("training", "test", "fit", "validation")


@dataclass(frozen=True, eq=False)
class Digits:
    """Images and what they show.

    Attributes
    ----------
    images : (n, 64) float array
        Grey levels 0 to 16, row by row.
    labels : (n,) int array
        0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, selection: slice | np.ndarray) -> Digits:
        return Digits(self.images[selection], self.labels[selection])


def load(part: str = "training") -> Digits:
    """Return a part of the 1797 handwritten digits that come with scikit-learn (Alpaydin & Kaynak 1998; 8 x 8 pixels).

    The split is fixed and stratified: ``test`` is one third, ``training`` the other two. Parameters were chosen by
    training on ``fit``, three quarters of ``training``, and testing on ``validation``, its last quarter.

    Parameters
    ----------
    part : "training", "test", "fit" or "validation"

    Returns
    -------
    Digits

    Raises
    ------
    UnknownNameError
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if part not in PARTS:
        raise UnknownNameError("part of the digits", part, PARTS)
    images, labels = load_digits(return_X_y=True)
    everything = np.arange(len(labels))
    training, test = train_test_split(everything, test_size=1 / 3, stratify=labels, random_state=0)
    fit, validation = train_test_split(training, test_size=1 / 4, stratify=labels[training], random_state=0)
    chosen = {"training": training, "test": test, "fit": fit, "validation": validation}[part]
    return Digits(images[chosen], labels[chosen])


def rates(images: np.ndarray) -> np.ndarray:
    """Return the rates of the pixels' spike trains: proportional to grey level, of the same norm for every image.

    Parameters
    ----------
    images : (..., 64) array

    Returns
    -------
    (..., 64) float array [Hz]
        All 0 for an empty image.
    """
    levels = np.asarray(images, dtype=np.float64)
    norm = np.linalg.norm(levels, axis=-1, keepdims=True)
    return np.asarray(RATE_NORM * levels / np.where(norm > 0.0, norm, 1.0))
