"""Errors: each says the same in another process."""

import pickle

import pytest

from hmn_snn import errors
from hmn_snn.translator import Finding, Severity

FINDING = Finding(Severity.REJECTED, "exc", "lif", "found", "limit")
DESCRIPTION = errors.DescriptionError("population 'exc'", "size", -1, "use more")
MADE = [
    DESCRIPTION,
    errors.UnitError("population 'exc'", "size", -1, "use ms"),
    errors.ValidationError([DESCRIPTION]),
    errors.RejectedError("numba", (FINDING,)),
    errors.UnknownNameError("model", "digit", ("digits",)),
    errors.BackendUnavailableError("lava", "not here"),
    errors.MissingExtraError("nir", "nir"),
    errors.FileFormatError("a.h5", "it is foreign"),
    errors.SimulationError("it is closed"),
]


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_an_error_survives_the_way_to_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert repr(again.__dict__) == repr(error.__dict__)
