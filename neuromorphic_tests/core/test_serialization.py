"""Networks in files: what is saved is loaded, the hash knows every change, and a bad file is told from a good one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

import h5py
import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn.description import Description
from hmn_snn.errors import DescriptionError, FileFormatError
from hmn_snn.hdf5 import open_checked, write_atomically
from hmn_snn.lowering import lower
from hmn_snn.serialization import CLASSES, FORMAT, SCHEMA, load_network, network_hash, save_network
from hmn_snn.validation import problems


def everything() -> hs.Network:
    """Return a network with an object of every class, and every kind of value in a field."""
    net = hs.Network("everything", dt=0.2, seed=-(2**70))
    rule = hs.HMNRule(
        modulators=[dopamine := hs.Modulator.dopamine(releases=[(10, 1), (20.4, -0.5)], attention=0.5)],
        global_attention=hs.GlobalAttention(slope=0.5),
        attention=hs.LocalAttention(tau=[20, 100]),
        gate=hs.PhaseGate((theta := hs.Oscillator(size=3, lag=np.eye(3), name="theta"))[1], phase=hs.Uniform(0, 6)),
        w_max=float("inf"),
        tick="0.1 s",
    )
    stim = net.add(hs.PoissonInput(np.int64(100), rate=hs.Steps([0, 50], [20.0, 40.0]), name="stim"))
    spikes = net.add(hs.SpikeInput([[1.0, 2.0], [], [3.0]], name="spikes"))
    cell = hs.LIF(hs.Normal(20, 2, low=10), v_thresh=np.linspace(-50, -45, 8), tau_refrac=0.4, noise_correction=True)
    exc = net.add(hs.Population(8, cell, name="exc µ -> λ", initial_values={"v": hs.Exponential(2, -60), "bias": 0}))
    # The rule mentions objects that come later: a file must not depend on the order of addition.
    learned = hs.Projection(
        stim, exc[::2], hs.FixedProbability(0.5), hs.LogNormal(0.1, 0.5), hs.Uniform(1, 3), plasticity=rule,
        astrocytes=(glia := hs.Astrocytes(2, norepinephrine=(ne := hs.Modulator.norepinephrine()), name="glia")),
        territories=[0, 0, 1, 1], name="learned",
    )  # fmt: skip
    for thing in (learned, glia, ne, theta, dopamine):
        net.add(thing)
    matrix, weights = hs.FromArrays.from_matrix(np.arange(24.0).reshape(3, 8))
    net.add(hs.Projection(spikes, exc, matrix, weights, receptor="inhibitory", name="copied"))
    net.add(hs.Projection(exc, exc, hs.AllToAll(allow_self=False), np.ones((8, 8)), name="all"))
    net.add(hs.Projection(exc, exc, hs.OneToOne(), name="one"))
    net.add(hs.Projection(exc, exc, hs.FixedNumberPre(2), name="pre"))
    net.add(hs.Projection(exc, exc, hs.FixedNumberPost(2, with_replacement=True), name="post"))
    net.add(hs.CurrentInput(exc[[5, 2]], hs.Steps([0, 2], [[0.1, 0.2], [0.3, 0.4]]), name="probe"))
    net.add(hs.OscillatorDrive(theta[2], exc, 0.1, phase=np.arange(8), name="drive"))
    net.add(hs.Entrainment(exc[:3], theta, 0.2, name="entrainment"))
    net.record(exc[1:3], ["v", "i_exc"], every=1)
    net.record(learned, "weight", every="0.1 s")
    net.record(glia, "calcium")
    return net


def classes_in(value: Any) -> set[str]:
    """Return the names of the description classes that a value holds."""
    if isinstance(value, (tuple, list)):
        return set().union(*map(classes_in, value))
    if isinstance(value, dict):
        return classes_in(list(value.values()))
    if not isinstance(value, Description):
        return set()
    inside = [getattr(value, item.name) for item in dataclasses.fields(value)]
    return {type(value).__name__}.union(*map(classes_in, inside))


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal in type and content."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b) and not (a.flags.writeable or b.flags.writeable)
    if isinstance(a, Description):
        names = [item.name for item in dataclasses.fields(a)]
        return all(name == "order" or same(getattr(a, name), getattr(b, name)) for name in names)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@pytest.fixture
def saved(tmp_path):
    """Return the path of a saved network with everything."""
    path = tmp_path / "everything.h5"
    everything().save(path)
    return path


def test_the_example_has_every_class_and_every_class_can_be_saved():
    net = everything()
    assert classes_in([*net.things.values(), *net.recordings]) == set(CLASSES)

    def leaves(cls: type) -> set[type]:
        inside = {leaf for sub in cls.__subclasses__() for leaf in leaves(sub)}
        ours = cls.__module__.startswith("hmn_snn.") and not cls.__module__.startswith("hmn_snn.backends.")
        return inside or ({cls} if ours else set())

    assert leaves(Description) <= set(CLASSES.values())


def test_everything_comes_back(saved):
    net, loaded = everything(), hs.Network.load(saved)
    assert (loaded.name, loaded.dt, loaded.seed) == (net.name, net.dt, net.seed)
    assert list(loaded.things) == list(net.things)
    assert {k: type(v) for k, v in loaded.things.items()} == {k: type(v) for k, v in net.things.items()}
    for name in net.things:
        assert same(net[name], loaded[name]), name
    assert len(loaded.recordings) == 4
    assert same(net.recordings, loaded.recordings)
    assert str(loaded) == str(net)


def test_references_point_into_the_loaded_network(saved):
    net = load_network(saved)
    learned = net["learned"]
    assert learned.pre is net["stim"]
    assert learned.post.parent is net["exc µ -> λ"]
    assert learned.astrocytes is net["glia"]
    assert learned.astrocytes.norepinephrine is net["norepinephrine"]
    assert learned.plasticity.modulators == (net["dopamine"],)
    assert learned.plasticity.gate.oscillator.parent is net["theta"]
    assert net.recordings[0].target.parent is learned.post.parent
    net.save(saved)
    assert network_hash(load_network(saved)) == network_hash(net)


def test_what_comes_back_is_lowered_to_the_same_numbers(saved):
    assert problems(everything()) == []
    assert lower(load_network(saved)).hash == lower(everything()).hash


def test_the_hash_survives_saving_and_does_not_depend_on_addresses(saved):
    digests = {everything().hash(), everything().hash(), load_network(saved).hash()}
    assert len(digests) == 1
    assert len(digests.pop()) == 64
    command = "import sys, hmn_snn; print(hmn_snn.Network.load(sys.argv[1]).hash())"
    fresh = subprocess.run([sys.executable, "-c", command, saved], capture_output=True, text=True, check=True)
    assert fresh.stdout.split() == [everything().hash()]


def test_equal_numbers_written_differently_have_one_hash():
    def network(tau: Any, size: Any, rates: Any, initial: Any) -> str:
        net = hs.Network(dt="0.1 ms", seed=np.int64(3))
        net.add(hs.Population(size, hs.LIF(tau_m=tau), initial_values=initial))
        net.add(hs.PoissonInput(2, rate=rates))
        return net.hash()

    one = network(20, 5, [1, 2], {"v": -60, "bias": 1})
    assert network("0.02 s", np.int32(5), np.array([1.0, 2.0]), {"bias": 1.0, "v": "-0.06 V"}) == one


CHANGES = {
    "nothing": lambda net: net,
    "name": lambda net: net.replace(name="other"),
    "dt": lambda net: net.replace(dt=0.1),
    "seed": lambda net: net.replace(seed=1),
    "thing": lambda net: net.add(hs.Population(1, name="extra")),
    "size": lambda net: change(net["stim"], "size", 101),
    "last bit of a number": lambda net: change(net["exc µ -> λ"].cell, "tau_refrac", np.nextafter(0.4, 1)),
    "sign of zero": lambda net: change(net["exc µ -> λ"].cell, "i_offset", -0.0),
    "parameter of a distribution": lambda net: change(net["exc µ -> λ"].cell.tau_m, "low", 11.0),
    "class of a distribution": lambda net: change(net["exc µ -> λ"].cell, "tau_m", hs.Uniform(20, 2)),
    "one number of an array": lambda net: change(net["copied"], "weight", np.arange(1.0, 24.0)[::-1].copy()),
    "shape of an array": lambda net: change(net["all"], "weight", np.ones((4, 16))),
    "type of an array": lambda net: change(net["copied"].connector, "pre", net["copied"].connector.pre.astype(float)),
    "number to array": lambda net: change(net["exc µ -> λ"].cell, "cm", np.ones(1)),
    "flag": lambda net: change(net["exc µ -> λ"].cell, "noise_correction", False),
    "text": lambda net: change(net["learned"].plasticity, "apply", "probabilistic"),
    "none to number": lambda net: change(net["learned"].plasticity, "beta_p", 400.0),
    "infinity": lambda net: change(net["learned"].plasticity, "w_max", 1e308),
    "reference": lambda net: change(net["learned"], "pre", net["spikes"]),
    "slice": lambda net: change(net["learned"], "post", net["exc µ -> λ"][1::2]),
    "order of a slice": lambda net: change(net["probe"], "target", net["exc µ -> λ"][[2, 5]]),
    "release": lambda net: change(net["dopamine"], "releases", ((10.0, 1.0),)),
    "initial value": lambda net: change(net["exc µ -> λ"], "initial_values", {"v": -60.0}),
    "connector": lambda net: change(net["one"], "connector", hs.AllToAll()),
    "recording": lambda net: net.record(net["dopamine"], "level"),
    "order of recordings": lambda net: net.recordings.reverse(),
    "order of addition": lambda net: net.things.update(stim=net.things.pop("stim")),
}


def change(thing: Any, name: str, value: Any) -> None:
    object.__setattr__(thing, name, value)


def test_every_change_changes_the_hash():
    digests = {}
    for name, spoil in CHANGES.items():
        net = everything()
        changed = spoil(net)
        digests[name] = (changed if isinstance(changed, hs.Network) else net).hash()
    assert digests["nothing"] == everything().hash()
    assert len(set(digests.values())) == len(CHANGES)


def test_what_is_mentioned_must_be_in_the_network(tmp_path):
    net = hs.Network()
    exc = net.add(hs.Population(3, name="exc"))
    rule = hs.HMNRule(modulators=hs.Modulator(name="dopamine"))
    net.add(hs.Projection(exc, exc, hs.OneToOne(), plasticity=rule, name="p"))
    for use in (net.hash, lambda: net.save(tmp_path / "net.h5")):
        with pytest.raises(DescriptionError) as caught:
            use()
        assert (caught.value.owner, caught.value.value) == ("projection 'p'", "dopamine")
        assert caught.value.parameter == "plasticity: modulators"
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True, eq=False)
class ForeignCell(hs.LeakyCalcium):
    """An astrocyte of somebody else's."""

    kind: ClassVar[str] = "astrocyte cell"


def test_a_class_that_is_not_ours_has_a_hash_but_cannot_be_saved(tmp_path):
    ours, theirs = hs.Network(), hs.Network()
    ours.add(hs.Astrocytes(2, hs.LeakyCalcium(), name="glia"))
    theirs.add(hs.Astrocytes(2, cell := ForeignCell(), name="glia"))
    assert ours.hash() != theirs.hash()
    with pytest.raises(DescriptionError) as caught:
        theirs.save(tmp_path / "net.h5")
    assert caught.value.owner == "astrocytes 'glia'"
    assert caught.value.value is cell
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_description_cannot_be_saved(tmp_path):
    net = hs.Network()
    net.add(hs.Population(object, name="exc"))
    with pytest.raises(DescriptionError) as caught:
        net.save(tmp_path / "net.h5")
    assert (caught.value.owner, caught.value.parameter, caught.value.value) == ("population 'exc'", "size", object)


def test_a_network_with_mistakes_can_be_saved(tmp_path):
    net = hs.Network(dt=float("nan"))
    net.add(hs.Population(-1, hs.LIF(tau_m=float("-inf")), name="exc"))
    net.save(tmp_path / "net.h5")
    loaded = load_network(tmp_path / "net.h5")
    assert np.isnan(loaded.dt)
    assert loaded["exc"].cell.tau_m == float("-inf")
    assert loaded.hash() == net.hash()


# Files


def refused(path: Any) -> FileFormatError:
    with pytest.raises(FileFormatError) as caught:
        load_network(path)
    assert caught.value.path == path
    assert str(caught.value).startswith(str(path))
    return caught.value


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    refused(saved)


def test_a_changed_number_is_noticed(saved):
    with h5py.File(saved, "r+") as file:
        file["arrays/float64"][3] += 1e-9
    assert "digest" in refused(saved).reason


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"name = 'net'\n" * 1000])
def test_a_file_that_is_not_hdf5_is_refused(tmp_path, content):
    path = tmp_path / "net.h5"
    path.write_bytes(content)
    assert "HDF5" in refused(path).reason


def test_a_foreign_hdf5_file_is_refused(tmp_path):
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file["spikes"] = [1.0, 2.0]
    assert "not a file of hmn-snn" in refused(path).reason
    write_atomically(path, lambda file: None, "hmn-snn results", 1)
    assert "'hmn-snn results'" in refused(path).reason
    assert f"{FORMAT!r}" in refused(path).reason


def test_a_newer_schema_is_refused_with_the_version_that_wrote_it(saved):
    with h5py.File(saved, "r+") as file:
        file.attrs["schema"] = SCHEMA + 1
        file.attrs["hmn_snn_version"] = "99.1"
    reason = refused(saved).reason
    assert str(SCHEMA + 1) in reason
    assert "99.1" in reason


@pytest.mark.parametrize("schema", [0, -1, "one", None])
def test_a_schema_that_is_none_is_refused(saved, schema):
    with h5py.File(saved, "r+") as file:
        del file.attrs["schema"]
        if schema is not None:
            file.attrs["schema"] = schema
    assert "damaged" in refused(saved).reason


@pytest.mark.parametrize("missing", ["description", "arrays", "arrays/float64"])
def test_a_file_with_a_part_missing_is_refused(saved, missing):
    with h5py.File(saved, "r+") as file:
        del file[missing]
    refused(saved)


@pytest.mark.parametrize(
    "tree",
    [
        "{",
        "[]",
        '{"network":{},"things":[{"class":"Projection","fields":{"name":"p"}}],"recordings":[]}',
        '{"network":{},"things":[{"class":"Popen","fields":{"name":"p","args":"true"}}],"recordings":[]}',
        '{"network":{},"things":[{"class":"os.system","fields":{"name":"p"}}],"recordings":[]}',
        '{"network":{},"things":[{"class":"Population","fields":{"name":"p","size":3,"colour":1}}],"recordings":[]}',
        '{"network":{},"things":[{"class":"LIF","fields":{"name":"p"}}],"recordings":[]}',
        '{"network":{},"things":[{"class":"Modulator","fields":{"name":"p","tau":{"ref":"p"}}}],"recordings":[]}',
        '{"network":{},"things":[{"class":"Modulator","fields":{"name":"p","tau":{"ref":"q"}}}],"recordings":[]}',
    ],
)
def test_a_description_that_describes_nothing_is_refused(tmp_path, tree):
    from hmn_snn.serialization import _digest

    path = tmp_path / "net.h5"

    def fill(file: Any) -> None:
        file["description"] = tree
        file.create_group("arrays")
        file.attrs["digest"] = _digest(tree, {})

    write_atomically(path, fill, FORMAT, SCHEMA)
    refused(path)


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(saved):
    before = saved.read_bytes()

    def fill(file: Any) -> None:
        file["half"] = np.zeros(1000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(saved, fill, FORMAT, SCHEMA)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]
    assert load_network(saved).hash() == everything().hash()


def test_a_file_is_replaced_whole(saved):
    net = hs.Network("small")
    save_network(net, str(saved))
    assert load_network(str(saved)).name == "small"
    assert list(saved.parent.iterdir()) == [saved]


def test_a_link_is_followed(saved):
    link = saved.with_name("link.h5")
    link.symlink_to(saved.name)
    hs.Network("small").save(link)
    assert link.is_symlink()
    assert load_network(saved).name == "small"


def test_what_is_not_there_is_not_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_network(tmp_path / "net.h5")
    with pytest.raises(FileNotFoundError) as caught:
        hs.Network().save(tmp_path / "no folder" / "net.h5")
    assert "no folder" in str(caught.value)
    with pytest.raises(IsADirectoryError):
        load_network(tmp_path)


def test_errors_of_ours_pass_through_an_open_file(saved):
    with pytest.raises(DescriptionError), open_checked(saved, FORMAT, SCHEMA):
        raise DescriptionError("population 'exc'", "size", -1, "give an integer, 0 or more")
    with pytest.raises(FileFormatError), open_checked(saved, FORMAT, SCHEMA) as file:
        file["no such entry"]
