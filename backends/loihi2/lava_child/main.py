"""Runs a Loihi program on Lava for another process: commands come in lines on stdin, answers go out on stdout.

Arguments: the folder that the arrays are exchanged in, and a file descriptor that ends when the other process does.
"""

import json
import os
import signal
import sys
import traceback
from multiprocessing import resource_tracker


def leave_the_group():
    """Begin a session, and with it a group, of this and Lava's processes.

    The tracker of shared memory stays outside: when all of the group are killed, it frees what they leave behind, and
    need not complain.
    """
    errors, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    resource_tracker.ensure_running()
    os.dup2(errors, 2)
    os.close(errors)
    os.close(nowhere)
    os.setsid()


def guard(lifeline):
    """Leave a process behind that kills this whole group when the other process is gone."""
    if os.fork():
        os.close(lifeline)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.read(lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def report_the_dead(net):
    """When a Lava process ends in the middle of a run, say why and end: Lava itself would wait for ever."""

    def look(signum, frame):
        runtime = net.host.runtime
        actors = [] if runtime is None else runtime._messaging_infrastructure.actors
        for actor in actors:
            if not actor.is_alive():
                error = actor.exception
                trace = error[1].strip() if error else f"exit code {actor.exitcode}"
                print(trace, "a Lava process ended in the middle of a run", sep="\n", file=sys.stderr)
                sys.stderr.flush()
                os.killpg(0, signal.SIGKILL)

    signal.signal(signal.SIGCHLD, look)


def write(variable, value):
    """Set a variable; before the first run there is no runtime, and Lava takes what the variable starts with."""
    if variable.process.runtime is None:
        variable.init = value
    else:
        variable.set(value)


def run(net, command):
    """Run a piece."""
    import numpy as np
    from lava.magma.core.run_conditions import RunSteps

    if command["piece"]:
        net.host.piece.set(np.array([command["piece"]]))
    for connection, version in command["weights"]:
        write(net.synapses[connection].version, np.array([version]))
    with np.load(os.path.join(net.folder, f"piece_{command['piece']}.npz")) as piece:
        for name in piece.files:
            if name.startswith("bias_"):
                process = net.description["processes"][int(name[5:])]
                scale = 2.0 ** process["bias_exp"] if net.floating else 1
                mantissas = np.broadcast_to(piece[name], (process["size"],)) * scale
                write(net.neurons[int(name[5:])].bias_mant, mantissas)
    report_the_dead(net)
    net.host.run(condition=RunSteps(num_steps=command["n_steps"]), run_cfg=net.config)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def main():
    """Serve until told to stop."""
    folder, lifeline = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Lava prints is no answer
    leave_the_group()
    guard(lifeline)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import network

    net = network.Net(folder)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "stop":
            break
        if command["do"] == "read":
            net.write_learned(command["connection"])
        else:
            run(net, command)
        print("done", file=answers, flush=True)
    if net.host.runtime is not None:
        net.host.stop()
    print("stopped", file=answers, flush=True)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os.killpg(0, signal.SIGKILL)
