"""The command line: what it accepts, what it prints, its exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.cli import main
from hmn_snn.results import Results
from hmn_snn.translator import Capabilities, Finding, Severity

COMMANDS = (
    "demo", "run", "check", "export", "import-pynn", "compare", "energy", "report", "sweep", "backends",
)  # fmt: skip
NETWORK_FILE = """
import hmn_snn as hs
from neighbour import RATE

def make():
    net = hs.Network("from_file", dt=0.5, seed=3)
    stim = net.add(hs.PoissonInput(20, rate=RATE, name="stim"))
    exc = net.add(hs.Population(5, hs.LIF(tau_refrac=1.0), name="exc"))
    net.add(hs.Projection(stim, exc, hs.AllToAll(), weight=0.4, delay=1.0))
    return net

def wrong():
    return 42

def broken():
    return 1 / 0

def stopped():
    raise KeyboardInterrupt

def invalid():
    net = make()
    net.add(hs.Population(2, hs.LIF(tau_m=-1.0), name="bad"))
    return net
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(NETWORK_FILE)
    (tmp_path / "neighbour.py").write_text("RATE = 50.0\n")
    return path


@pytest.fixture
def backends(monkeypatch):
    """Two more backends: one rejects everything, one is not installed."""

    def add(name, findings, missing):
        translator = SimpleNamespace(
            name=name,
            capabilities=Capabilities(frozenset(), ("chip", "emulator")),
            check=lambda lowered, **options: findings,
            unavailable=lambda: missing,
        )
        module = ModuleType(f"made_{name}")
        module.translator = translator
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(registry._BACKENDS, name, module.__name__)

    add("picky", (Finding(Severity.REJECTED, "exc", "lif", "LIF neurons", "leave them out"),), None)
    add("absent", (), 'run: pip install "hmn-snn[absent]"')


def fails(capsys, code, *arguments):
    """Return what a command that must fail with a code says on standard error."""
    assert main([str(argument) for argument in arguments]) == code
    said = capsys.readouterr().err
    assert said.startswith("hmn-snn: ")
    assert "Traceback" not in said
    return said


def misused(capsys, *arguments):
    """Return what a wrongly used command says on standard error."""
    with pytest.raises(SystemExit) as info:
        main([str(argument) for argument in arguments])
    assert info.value.code == 2
    return capsys.readouterr().err


# Help


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)], ids=str)
def test_help_names_the_exit_codes(capsys, command):
    with pytest.raises(SystemExit) as info:
        main([*command, "--help"])
    assert info.value.code == 0
    said = capsys.readouterr().out
    assert "exit codes:" in said
    assert all(f"  {code} " in said for code in (0, 1, 2, 3, 130))
    if not command:
        assert all(re.search(rf"\n    {name}\s", said) for name in COMMANDS)


def test_version(capsys):
    with pytest.raises(SystemExit) as info:
        main(["--version"])
    assert info.value.code == 0
    assert capsys.readouterr().out.strip() == f"hmn-snn {hs.__version__}"


# Run


def test_run_prints_the_summary_and_writes_what_it_is_asked_for(capsys, file, tmp_path):
    out, plot = tmp_path / "out.h5", tmp_path / "out.png"
    assert main(["run", f"{file}:make", "--duration", "0.2 s", "--out", str(out), "--plot", str(plot)]) == 0
    said = capsys.readouterr()
    results = Results.load(out)
    assert str(results) in said.out
    assert str(out) in said.out
    assert str(plot) in said.out
    assert (results.name, results.duration, results.provenance.seed) == ("from_file", 200.0, 3)
    assert len(results.spikes["stim"]) > 100
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert said.err == ""


def test_run_takes_seed_step_and_precision(file, tmp_path):
    out = tmp_path / "out.h5"
    options = ["--seed", "9", "--dt", "1 ms", "--precision", "float32", "--executor", "numba", "--backend", "numba"]
    assert main(["run", f"{file}:make", "--duration", "50", "--out", str(out), *options]) == 0
    stamp = Results.load(out).provenance
    assert (stamp.seed, stamp.dt, stamp.precision, stamp.executor) == (9, 1.0, "float32", "numba")


def test_run_takes_a_saved_network_a_function_and_a_model(monkeypatch, file, tmp_path):
    models = ModuleType("hmn_snn.models")
    made = hs.Network("made", dt=0.5)
    made.add(hs.PoissonInput(3, rate=10.0, name="stim"))
    models.names, models.get = lambda: ("small",), lambda name: lambda: made
    monkeypatch.setitem(sys.modules, "hmn_snn.models", models)
    made.replace(name="saved").save(tmp_path / "net.h5")
    for network, name in ((tmp_path / "net.h5", "saved"), (f"{file}:make", "from_file"), ("small", "made")):
        assert main(["run", str(network), "--duration", "5", "--out", str(tmp_path / "out.h5")]) == 0
        assert Results.load(tmp_path / "out.h5").name == name


def test_run_shows_no_progress_bar_where_nobody_watches(file):
    code = "import sys; from hmn_snn.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "run", f"{file}:make", "--duration", "5"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert process.stderr == ""
    assert "population or input" in process.stdout


# Check and backends


def test_check_of_a_network_that_fits(capsys, file):
    assert main(["check", f"{file}:make", "--backend", "numba"]) == 0
    assert capsys.readouterr().out.startswith("numba can run network 'from_file'")


def test_check_passes_the_precision_on(capsys, file):
    assert main(["check", f"{file}:make", "--precision", "float32"]) == 0
    assert "ALTERED" in capsys.readouterr().out


@pytest.mark.usefixtures("backends")
def test_check_of_several_backends_fails_if_one_rejects(capsys, file):
    assert main(["check", f"{file}:make", "--backend", "numba", "picky"]) == 3
    said = capsys.readouterr().out
    assert "numba can run network" in said
    assert "picky cannot run network" in said
    assert any(line.split()[:3] == ["REJECTED", "exc", "lif"] for line in said.splitlines())


@pytest.mark.usefixtures("backends")
def test_backends_lists_what_is_missing_with_the_command(capsys):
    assert main(["backends"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert set(registry.names()) <= set(rows)
    assert "ready" in rows["numba"]
    assert "missing" in rows["absent"]
    assert 'pip install "hmn-snn[absent]"' in rows["absent"]
    assert "chip, emulator" in rows["absent"]


def test_a_reader_that_has_seen_enough_is_no_error():
    call = "from hmn_snn.cli import main; raise SystemExit(main(['check', 'digits', '--backend', 'loihi2']))"
    words = ["bash", "-o", "pipefail", "-c", '"$0" -c "$1" | :', sys.executable, call]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# Demo


@pytest.mark.parametrize(("arguments", "expected"), [([], ("out", False)), (["--out", "d", "--quick"], ("d", True))])
def test_demo_learns_digits_into_a_folder(monkeypatch, arguments, expected):
    calls = []
    digits = ModuleType("hmn_snn.models.digits")
    digits.demo = lambda out_dir, quick=False: calls.append((str(out_dir), quick))
    monkeypatch.setitem(sys.modules, "hmn_snn.models.digits", digits)
    assert main(["demo", *arguments]) == 0
    assert calls == [expected]


# Failures


def test_what_a_network_is_not_is_said_in_one_line(capsys, monkeypatch, file, tmp_path):
    models = ModuleType("hmn_snn.models")
    models.names = lambda: ("digits", "pair")
    monkeypatch.setitem(sys.modules, "hmn_snn.models", models)
    (tmp_path / "text.h5").write_text("no network")
    for network, hint in (
        ("digit", "'digits', 'pair'"),
        (f"{file}:nothing", "'make'"),
        (f"{file}:wrong", "returned int; return a Network"),
        (file, f"{file}:make"),
        (f"{tmp_path / 'nowhere.py'}:make", "nowhere.py"),
        (tmp_path / "nowhere.h5", "nowhere.h5"),
        (tmp_path / "text.h5", "no HDF5 file"),
    ):
        assert hint in fails(capsys, 1, "run", network, "--duration", 10)


def test_errors_of_the_network_are_listed(capsys, file):
    assert "population 'bad': tau_m" in fails(capsys, 1, "run", f"{file}:invalid", "--duration", 10)
    assert "multiple of dt" in fails(capsys, 1, "run", f"{file}:make", "--duration", 10.2)
    assert "float16" in fails(capsys, 1, "run", f"{file}:make", "--duration", 10, "--precision", "float16")


def test_errors_in_the_users_own_code_are_not_hidden(file):
    with pytest.raises(ZeroDivisionError):
        main(["run", f"{file}:broken", "--duration", "10"])


@pytest.mark.usefixtures("backends")
def test_a_backend_that_cannot_run_it_has_its_own_code(capsys, file):
    rejected = fails(capsys, 3, "run", f"{file}:make", "--duration", 10, "--backend", "picky")
    assert "REJECTED: exc: lif" in rejected
    missing = fails(capsys, 3, "run", f"{file}:make", "--duration", 10, "--backend", "absent")
    assert 'pip install "hmn-snn[absent]"' in missing


def test_an_interrupt_has_its_own_code(capsys, file):
    assert fails(capsys, 130, "run", f"{file}:stopped", "--duration", 10) == "hmn-snn: interrupted\n"


@pytest.mark.parametrize("option", ["--out", "--plot"])
def test_a_result_that_could_not_be_written_stops_before_the_run(capsys, monkeypatch, file, tmp_path, option):
    monkeypatch.setattr("hmn_snn.simulate.run", lambda *a, **k: pytest.fail("it ran"))
    path = tmp_path / "nowhere" / "a.png"
    assert "nowhere" in fails(capsys, 1, "run", f"{file}:make", "--duration", 10, option, path)


def test_wrong_usage(capsys, file):
    network = f"{file}:make"
    assert "COMMAND" in misused(capsys)
    assert "--duration" in misused(capsys, "run", network)
    assert "10 mV" in misused(capsys, "run", network, "--duration", "10 mV")
    assert "ten" in misused(capsys, "run", network, "--duration", "ten")
    assert "numba" in misused(capsys, "run", network, "--duration", 10, "--backend", "numpy")
    assert ".png" in misused(capsys, "run", network, "--duration", 10, "--plot", "a.xyz")
