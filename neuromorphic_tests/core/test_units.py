"""Numbers with units: every way to write one gives the same canonical number, a wrong dimension is an error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmn_snn.errors import UnitError
from hmn_snn.units import to_canonical

EXACT = [
    ("20 ms", "ms", 20.0),
    ("0.02 s", "ms", 20.0),
    ("5us", "ms", 0.005),
    ("2 min", "ms", 120_000.0),
    ("-65 mV", "mV", -65.0),
    ("-0.065 V", "mV", -65.0),
    ("+1e3 uV", "mV", 1.0),
    ("100 pA", "nA", 0.1),
    ("0.25 uA", "nA", 250.0),
    ("200 pF", "nF", 0.2),
    ("2 GOhm", "MOhm", 2000.0),
    ("2 GΩ", "MOhm", 2000.0),
    ("1.5 kHz", "Hz", 1500.0),
    ("3 Hz", "1/s", 3.0),
    ("70 uM", "uM", 70.0),
    ("70 µM", "uM", 70.0),
    ("70 μM", "uM", 70.0),
    ("1 mM", "uM", 1000.0),
    ("400 1/nA", "1/nA", 400.0),
    ("1.5 rad", "", 1.5),
    ("0.3", "", 0.3),
    ("0.3", "ms", 0.3),
    (".5 ms", "ms", 0.5),
]
# SI scale of the canonical units, from the definition of the prefixes
SCALES = {
    "ms": {"us": -3, "ms": 0, "s": 3},
    "mV": {"uV": -3, "mV": 0, "V": 3},
    "nA": {"pA": -3, "nA": 0, "uA": 3, "A": 9},
    "nF": {"pF": -3, "nF": 0, "uF": 3, "F": 9},
    "MOhm": {"Ohm": -6, "kOhm": -3, "MOhm": 0, "GOhm": 3},
    "Hz": {"Hz": 0, "kHz": 3, "1/s": 0, "1/ms": 3},
    "uM": {"nM": -3, "uM": 0, "mM": 3},
}
numbers = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize(("text", "unit", "number"), EXACT)
def test_text_is_converted(text, unit, number):
    assert to_canonical(text, unit, "net", "x") == pytest.approx(number, rel=1e-15)


@given(number=numbers, unit=st.sampled_from(sorted(SCALES)), data=st.data())
def test_text_in_any_unit_of_the_dimension(number, unit, data):
    other = data.draw(st.sampled_from(sorted(SCALES[unit])))
    converted = to_canonical(f"{number!r} {other}", unit, "net", "x")
    assert converted == pytest.approx(number * 10.0 ** SCALES[unit][other], rel=1e-14)


@given(number=numbers, unit=st.sampled_from(sorted(SCALES)))
def test_text_in_the_canonical_unit_keeps_every_bit(number, unit):
    assert to_canonical(f"{number!r} {unit}", unit, "net", "x") == number


@given(number=numbers, unit=st.sampled_from(sorted(SCALES)), wrong=st.sampled_from(sorted(SCALES)))
def test_text_of_a_wrong_dimension_is_an_error(number, unit, wrong):
    if unit == wrong:
        return
    with pytest.raises(UnitError) as caught:
        to_canonical(f"{number!r} {wrong}", unit, "population 'exc'", "tau_m")
    assert (caught.value.owner, caught.value.parameter) == ("population 'exc'", "tau_m")
    assert caught.value.value == f"{number!r} {wrong}"
    assert unit in caught.value.allowed


@pytest.mark.parametrize("bad", ["", "ms", "two ms", "20 parsecs", "1e ms", "20 ms 3", "nan ms", None, True, object()])
def test_what_is_no_number_is_an_error(bad):
    with pytest.raises(UnitError) as caught:
        to_canonical(bad, "ms", "population 'exc'", "tau_m")
    assert (caught.value.owner, caught.value.parameter, caught.value.value) == ("population 'exc'", "tau_m", bad)


@pytest.mark.parametrize("bad", [["20 ms", "x"], [[1.0], [1.0, 2.0]], [None], np.array(["a"]), {"tau": 1.0}, 1j])
def test_what_is_no_array_of_numbers_is_an_error(bad):
    with pytest.raises(UnitError):
        to_canonical(bad, "ms", "population 'exc'", "tau_m")


def test_a_number_stays_a_float_and_an_array_becomes_a_read_only_copy():
    assert type(to_canonical(np.int64(3), "ms", "net", "x")) is float
    given_array = np.array([1, 2, 3])
    converted = to_canonical(given_array, "ms", "net", "x")
    assert converted.dtype == np.float64
    assert not converted.flags.writeable
    given_array[0] = 9
    assert converted.tolist() == [1.0, 2.0, 3.0]


def test_members_of_a_list_keep_their_own_units():
    assert to_canonical(["20 ms", "0.5 s", 3.0], "ms", "net", "x").tolist() == [20.0, 500.0, 3.0]
    assert to_canonical([["20 ms", 1.0], [2.0, "3 ms"]], "ms", "net", "x").tolist() == [[20.0, 1.0], [2.0, 3.0]]


def test_brian2_quantities_are_converted():
    from brian2 import Hz, Mohm, mmolar, ms, mV, nA, nF, second, uA

    for value, unit, number in [
        (16.8 * ms, "ms", 16.8),
        (1.5 * second, "ms", 1500.0),
        (-65 * mV, "mV", -65.0),
        (0.3 * nA, "nA", 0.3),
        (2 * uA, "nA", 2000.0),
        (0.2 * nF, "nF", 0.2),
        (20 * Mohm, "MOhm", 20.0),
        (8 * Hz, "Hz", 8.0),
        (1 / second, "1/s", 1.0),
        (0.07 * mmolar, "uM", 70.0),
        (4 / nA, "1/nA", 4.0),
    ]:
        assert to_canonical(value, unit, "net", "x") == pytest.approx(number, rel=2e-16), (value, unit)
    assert to_canonical([1, 2] * ms, "ms", "net", "x").tolist() == [1.0, 2.0]


def test_a_list_of_brian2_quantities_is_not_stripped_of_its_units():
    from brian2 import ms, nA, second

    assert to_canonical([10 * ms, 0.02 * second], "ms", "net", "x").tolist() == [10.0, 20.0]
    with pytest.raises(UnitError) as caught:
        to_canonical([10 * ms, 20 * nA], "ms", "net", "x")
    assert caught.value.value == 20 * nA


def test_a_brian2_quantity_of_a_wrong_dimension_is_an_error():
    from brian2 import mV

    with pytest.raises(UnitError) as caught:
        to_canonical(3 * mV, "ms", "population 'exc'", "tau_m")
    assert caught.value.parameter == "tau_m"


def test_quantities_of_the_package_quantities_are_converted():
    import quantities

    assert to_canonical(0.02 * quantities.s, "ms", "net", "x") == pytest.approx(20.0, rel=1e-15)
    with pytest.raises(UnitError):
        to_canonical(0.02 * quantities.V, "ms", "net", "x")
