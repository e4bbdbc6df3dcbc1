"""The command ``hmn-snn``: demo, run, check, export, import-pynn, compare, energy, sweep, backends."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import re
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__, registry
from .cli_energy import add_energy
from .errors import (
    BackendUnavailableError,
    DescriptionError,
    HMNError,
    RejectedError,
    RunInterruptedError,
    UnknownNameError,
)
from .network import Network
from .summary import text_table
from .units import to_canonical

# The core does not import the models; it knows their names, as the registry knows those of the backends.
_MODELS, _DEMO = "hmn_snn.models", "hmn_snn.models.digits"

OK, FAILED, CANNOT_RUN, DIFFERENT, INTERRUPTED = 0, 1, 3, 4, 130

EXIT_CODES = """exit codes:
  0    done
  1    failed; the reason is on standard error
  2    wrong usage
  3    the backend rejects the network, or is not available here
  4    the runs that were compared differ
  130  interrupted"""

NETWORK_HELP = """NETWORK is one of
  a file saved with Network.save       net.h5
  the name of a model                  digits
  a function that returns a Network    my_networks.py:make"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process if not given.

    Returns
    -------
    int
        The exit code.
    """
    parser = _parser()
    options, more = parser.parse_known_args(arguments)
    options.more = _named_values(more) if hasattr(options, "executor") else None
    if more and options.more is None:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code = int(options.action(options))
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:  # whoever read the output has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (RejectedError, BackendUnavailableError) as error:
        return _complain(error, CANNOT_RUN)
    except (HMNError, OSError) as error:
        return _complain(error, FAILED)


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"hmn-snn: warning: {message}", file=sys.stderr)


def _complain(error: object, code: int) -> int:
    print(f"hmn-snn: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    layout: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "epilog": EXIT_CODES}
    parser = argparse.ArgumentParser("hmn-snn", description="Spiking HMN networks on simulators and chips.", **layout)
    parser.add_argument("--version", action="version", version=f"hmn-snn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="learn handwritten digits and write a report", **layout)
    demo.description = "Learn handwritten digits with spikes, print what each mechanism contributes, draw figures."
    demo.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="folder for figures (default: out)")
    demo.add_argument("--quick", action="store_true", help="fewer digits and seeds")
    demo.set_defaults(action=_demo)

    run = commands.add_parser("run", help="run a network and print what happened", **layout)
    run.description = f"Run a network and print what happened.\n\n{NETWORK_HELP}"
    _add_network(run)
    run.add_argument("--duration", type=_milliseconds, required=True, metavar="MS", help="such as 1000, or '1 s'")
    run.add_argument("--backend", choices=registry.names(), default=registry.names()[0], help="default: %(default)s")
    _add_backend_options(run)
    run.add_argument("--out", type=Path, metavar="FILE.h5", help="save the results")
    run.add_argument("--plot", type=_picture, metavar="FILE.png", help="draw an overview (also .pdf, .svg)")
    run.set_defaults(action=_run)

    check = commands.add_parser("check", help="say what a backend would do to a network, without running it", **layout)
    check.description = f"Say what a backend takes as it is, alters or rejects; nothing runs.\n\n{NETWORK_HELP}"
    _add_network(check)
    _add_backends(check, "all")
    _add_backend_options(check)
    check.set_defaults(action=_check)

    _add_export(commands.add_parser("export", help="write a network as a file in a target's own language", **layout))

    _add_import(commands.add_parser("import-pynn", help="read the network that a PyNN script makes", **layout))

    compare = commands.add_parser("compare", help="say whether two saved runs agree, and where they part", **layout)
    compare.description = "Compare spikes and final weights of two saved runs: exit code 0 if they agree, 4 if not."
    compare.add_argument("a", type=Path, metavar="A.h5", help="results, saved by run --out; b is measured by them")
    compare.add_argument("b", type=Path, metavar="B.h5", help="results over the same time")
    compare.add_argument("--plot", type=_picture, metavar="FILE.png", help="draw where they part (also .pdf, .svg)")
    compare.set_defaults(action=_compare)

    add_energy(commands.add_parser("energy", help="estimate what a saved run takes on devices", **layout))
    _add_report(commands.add_parser("report", help="one network on every target, side by side, on one page", **layout))

    _add_sweep(commands.add_parser("sweep", help="run a network at many settings, in parallel, resumable", **layout))

    backends = commands.add_parser("backends", help="list the backends, and how to install what is missing", **layout)
    backends.add_argument("--table", action="store_true", help="print which has which mechanism, in Markdown")
    backends.set_defaults(action=_backends)
    return parser


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write a network and a run of it in a target's own language: for brian2 a script that runs without\n"
        f"hmn-snn, for loihi2 the program of the chip, as HDF5.\n\n{NETWORK_HELP}"
    )
    _add_network(parser)
    parser.add_argument("--backend", choices=registry.names(), required=True, help="in whose language")
    parser.add_argument("-t", "--duration", type=_milliseconds, default=1000.0, metavar="MS",
                        help="such as 500, or '2 s' (default: 1000)")  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, metavar="FILE",
                        help="long arrays of a script go beside it (default: NETWORK_BACKEND.py, or .h5)")  # fmt: skip
    parser.set_defaults(action=_export)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run a PyNN script with a stand-in for its simulator, and read the network that it makes. A script is code:\n"
        "it is executed, in a process of its own. What does not translate is refused by name."
    )
    parser.add_argument("script", type=Path, metavar="SCRIPT.py")
    parser.add_argument("--args", default="", metavar="'WORDS'", help="for the script, in one quoted text")
    parser.add_argument("--out", type=Path, metavar="FILE.h5", help="save the network, for `hmn-snn run FILE.h5`")
    parser.add_argument("--time-limit", type=float, default=600.0, metavar="S", help="for the script (default: 600)")
    parser.set_defaults(action=_import_pynn)


def _add_report(parser: argparse.ArgumentParser) -> None:
    from .cli_report import DESCRIPTION, add_arguments

    parser.description = f"{DESCRIPTION}\n\n{NETWORK_HELP}"
    _add_network(parser)
    parser.add_argument("--duration", type=_milliseconds, metavar="MS", help="such as 1000, or '1 s'")
    add_arguments(parser)
    parser.set_defaults(action=_report)


def _add_sweep(parser: argparse.ArgumentParser) -> None:
    from .cli_sweep import DESCRIPTION, add_arguments

    parser.description = f"{DESCRIPTION}\n\n{NETWORK_HELP}"
    _add_network(parser)
    parser.add_argument("--duration", type=_milliseconds, required=True, metavar="MS", help="such as 1000, or '1 s'")
    _add_backends(parser)
    _add_backend_options(parser)
    add_arguments(parser)
    parser.set_defaults(action=_sweep)


def _add_backends(parser: argparse.ArgumentParser, *more: str) -> None:
    names = (*registry.names(), *more)
    parser.add_argument("--backend", nargs="+", choices=names, default=[names[0]], metavar="NAME",
                        help=f"some of {', '.join(names)} (default: {names[0]})")  # fmt: skip


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NETWORK", help="see above")
    parser.add_argument("--seed", type=int, help="instead of the network's own")
    parser.add_argument("--dt", type=_milliseconds, metavar="MS", help="time step, instead of the network's own")


def _add_backend_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--executor", default="auto", help="one of the backend's ways to run (default: the first)")
    parser.add_argument("--precision", help="one of the backend's precisions (default: the first)")
    more = "Options of a backend's own follow as --NAME VALUE; `hmn-snn backends` lists them."
    parser.description = f"{parser.description}\n\n{more}"


def backend_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the command line says of the backend."""
    precision = {"precision": options.precision} if options.precision else {}
    return {"executor": options.executor, **precision, **options.more}


def _named_values(words: Sequence[str]) -> dict[str, Any] | None:
    """Read --name value or --name=value in turn; None if the words are anything else."""
    values: dict[str, Any] = {}
    rest = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for name, value in zip(rest[::2], rest[1::2], strict=False):
        if not name.startswith("--"):
            return None
        values[name.removeprefix("--").replace("-", "_")] = number_or_text(value)
    return None if len(rest) % 2 else values


def number_or_text(word: str) -> int | float | str:
    """Return a word of the command line as the number that it is, else as it is."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _milliseconds(text: str) -> float:
    try:
        return float(to_canonical(text, "ms", "option", "time"))
    except DescriptionError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; {error.allowed}") from None


def _picture(text: str) -> Path:
    """Refuse a format that cannot be drawn before a long run, not after it."""
    from .panel import Picture

    formats = Picture().canvas.get_supported_filetypes()
    if Path(text).suffix.lstrip(".").lower() not in formats:
        raise argparse.ArgumentTypeError(f"{text!r}: a picture's name ends in one of .{', .'.join(formats)}")
    return Path(text)


def _demo(options: argparse.Namespace) -> int:
    importlib.import_module(_DEMO).demo(options.out, quick=options.quick)
    return OK


def _run(options: argparse.Namespace) -> int:
    from .simulate import run

    for path in (options.out, options.plot):
        _check_writable(path)
    network = find_network(options)
    code = OK
    try:
        results = run(network, options.duration, options.backend, **backend_options(options))
    except RunInterruptedError as interrupt:
        results, code = interrupt.results, _complain(f"interrupted at {interrupt.results.t_stop:g} ms", INTERRUPTED)
    print(results)
    if options.out:
        results.save(options.out)
        print(f"\nsaved: {options.out}")
    if options.plot:
        results.plot(options.plot)
        print(f"\ndrawn: {options.plot}")
    return code


def _check_writable(path: Path | None) -> None:
    """Raise before a long run if its result could not be written after it."""
    if path is not None and not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}; create it first")


def _check(options: argparse.Namespace) -> int:
    from .simulate import check

    network = find_network(options)
    if "all" in options.backend:
        matrix = check(network, "all", **backend_options(options))
        print(matrix)
        return CANNOT_RUN if all(checked.rejected for checked in matrix.checks.values()) else OK
    checks = [check(network, backend, **backend_options(options)) for backend in options.backend]
    print("\n\n".join(map(str, checks)))
    return CANNOT_RUN if any(checked.rejected for checked in checks) else OK


def _export(options: argparse.Namespace) -> int:
    from .exporting import export, export_suffix

    suffix = export_suffix(options.backend)
    _check_writable(options.out)
    network = find_network(options)
    stem = re.sub(r"\W+", "_", network.name).strip("_") or "network"
    files = export(network, options.duration, options.out or f"{stem}_{options.backend}{suffix}", options.backend)
    print("\n".join(f"written: {file}" for file in files))
    return OK


def _import_pynn(options: argparse.Namespace) -> int:
    from .pynn_import import read_pynn

    _check_writable(options.out)
    model = read_pynn(options.script, args=shlex.split(options.args), time_limit=options.time_limit)
    print(model.network)
    print("\n".join(["", f"written for {model.simulator}", *map(str, model.findings)]))
    if options.out:
        model.network.save(options.out)
        print(f'saved; the script runs it by: hmn-snn run {options.out} --duration "{model.duration:g} ms"')
    return OK


def _compare(options: argparse.Namespace) -> int:
    from .comparison import compare
    from .results import Results

    _check_writable(options.plot)
    comparison = compare(Results.load(options.a), Results.load(options.b))
    print(comparison)
    if options.plot:
        comparison.plot(options.plot)
        print(f"\ndrawn: {options.plot}")
    return OK if comparison.agree else DIFFERENT


def _report(options: argparse.Namespace) -> int:
    from .cli_report import write_report

    return OK if write_report(options).with_results else CANNOT_RUN


def _sweep(options: argparse.Namespace) -> int:
    from .cli_sweep import run_sweep

    run_sweep(options)
    return OK


def _backends(options: argparse.Namespace) -> int:
    if options.table:
        from .support import support_table

        print(support_table())
        return OK
    from .support import absent

    rows = []
    for name in registry.names():
        translator = registry.get(name)
        missing = translator.unavailable()
        executors = ", ".join(translator.capabilities.executors)
        rows.append([name, "missing" if missing else "ready", executors, missing or ""])
    print(text_table(rows, ["backend", "here", "ways to run", "what to do"]))
    for what, reason in absent().items():
        if what not in registry.names():
            print(f"\n{what} is missing: {reason}")
    for name in registry.names():
        own = registry.get(name).capabilities.options
        if own:
            print(f"\noptions of {name}: {', '.join(own)}")
    return OK


def find_network(options: argparse.Namespace) -> Network:
    """Return the network that the command line names, with the seed and the step that it asks for."""
    made = _find_network(options.network)
    if not isinstance(made, Network):
        reason = f"it returned {type(made).__name__}; return a Network"
        raise DescriptionError(f"function {options.network!r}", "result", made, reason)
    return made.replace(dt=options.dt, seed=options.seed)


def _find_network(text: str) -> Any:
    file, colon, function = text.rpartition(":")
    if colon and file.endswith(".py"):
        return _function(Path(file), function)()
    path = Path(text)
    if path.suffix == ".py":
        raise HMNError(f"{text} is a Python file; name a function of it that returns a Network, as in {text}:make")
    if path.is_file() or path.suffix in (".h5", ".hdf5"):
        return Network.load(path)
    models = importlib.import_module(_MODELS)
    if text not in models.names():
        raise UnknownNameError("file or model", text, models.names())
    return models.get(text)()


def find_function(text: str) -> Any:
    """Return the function that the command line names, as FILE.py:FUNCTION."""
    file, colon, function = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise HMNError(f"{text!r} names no function; write FILE.py:FUNCTION")
    return _function(Path(file), function)


def _function(path: Path, name: str) -> Any:
    """Import a Python file as if it were run, so that it finds its neighbours, and return a function of it."""
    from .sweeping import FILE_MODULE

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(f"{FILE_MODULE}{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses of the file look for their module here
    sys.path.insert(0, str(path.parent.absolute()))
    spec.loader.exec_module(module)
    known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    if not callable(getattr(module, name, None)):
        raise UnknownNameError(f"function of {path}", name, known)
    return getattr(module, name)
