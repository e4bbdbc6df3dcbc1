"""The options of a crossbar run as plain values: names, and mappings of what differs from a name."""

from __future__ import annotations

import dataclasses

import pytest
from hmn_snn.backends.memristor import presets
from hmn_snn.backends.memristor.circuit import WIRES, Converter, Wires
from hmn_snn.backends.memristor.hardware import SWITCHES, Hardware
from hmn_snn.backends.memristor.written_devices import Ideal

import hmn_snn as hs
from hmn_snn.errors import DescriptionError, UnknownNameError


def test_names_stand_for_what_they_name():
    made = Hardware.of({"device": "pcm", "wires": "itrs_14nm", "switch": "poisson", "tile": 32})
    wanted = Hardware(device=presets.get("pcm"), wires=WIRES["itrs_14nm"], switch=SWITCHES["poisson"], tile=32)
    assert made == wanted


def test_a_mapping_is_what_differs_from_a_preset():
    given = {"preset": "reram_sb", "c2c": 0.3, "g_max_spread": 0.0}
    expected = dataclasses.replace(presets.get("reram_sb"), c2c=0.3, g_max_spread=0.0)
    assert Hardware.of({"device": given}).device == expected
    assert given == {"preset": "reram_sb", "c2c": 0.3, "g_max_spread": 0.0}  # as the caller left it
    assert Hardware.of({"wires": {"preset": "ibm_32nm", "bit": 2.0}}).wires == Wires(0.787, 2.0)


def test_without_a_preset_it_is_what_differs_from_the_neutral_element():
    made = Hardware.of({
        "device": {"write_noise": 3.0}, "wires": {"word": 1.0}, "converter": {"bits": 4, "high": 1e-4},
    })  # fmt: skip
    assert made.device == Ideal(write_noise=3.0)
    assert made.wires == Wires(1.0, 0.0)
    assert made.converter == Converter(4, 0.0, 1e-4)
    assert Hardware.of({"device": {}, "wires": {}, "switch": {}, "converter": {}}) == Hardware()


@pytest.mark.parametrize("causes", ["drift", ("drift", "flicker", "write_noise")])
def test_causes_are_left_out_before_parameters_are_set(causes):
    names = [causes] if isinstance(causes, str) else causes
    made = Hardware.of({"device": {"preset": "pcm", "without": causes, "read_noise": 0.02}}).device
    assert made == dataclasses.replace(presets.get("pcm").without(*names), read_noise=0.02)


@pytest.mark.parametrize(
    ("options", "kind", "name"),
    [
        ({"device": "unobtainium"}, "device", "unobtainium"),
        ({"device": {"preset": "unobtainium"}}, "device", "unobtainium"),
        ({"device": {"preset": "pcm", "c2c": 0.1}}, "parameter of PCM", "c2c"),
        ({"device": {"without": ["boredom"]}}, "cause of error", "boredom"),
        ({"wires": {"length": 3.0}}, "parameter of Wires", "length"),
        ({"converter": "sar"}, "converter", "sar"),
    ],
)  # fmt: skip
def test_names_that_nothing_has_are_told(options, kind, name):
    with pytest.raises(UnknownNameError) as raised:
        Hardware.of(options)
    assert (raised.value.kind, raised.value.name) == (kind, name)
    assert raised.value.known


def test_values_out_of_range_are_told():
    with pytest.raises(DescriptionError):
        Hardware.of({"wires": {"word": -1.0}})
    with pytest.raises(DescriptionError):
        Hardware.of({"device": {"g_max": -1.0}})


def test_a_run_takes_plain_values():
    net = hs.Network("plain", dt=0.1)
    source = net.add(hs.SpikeInput([[1.0]], name="source"))
    cells = net.add(hs.Population(3, hs.LIF(), name="cells"))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=0.4, delay=0.1, name="row"))
    net.record(cells, "i_exc")
    results = hs.run(net, 2.0, backend="memristor", device={"stuck_hrs": 1.0})
    assert results.traces["cells"]["i_exc"].values.max() == 0.0  # a and b of each pair are at g_min
    assert hs.run(net, 2.0, backend="memristor").traces["cells"]["i_exc"].values.max() == pytest.approx(0.4)
