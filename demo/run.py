"""Trains small networks, sound ones and sick ones, and shows them in TensorBoard.

Needs Python 3.10 or newer and the network, nothing else: it makes an environment of its own in
demo/.venv and touches nothing outside this folder. A second start takes seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from environment import Environment, Progress, SetupError

HERE = Path(__file__).resolve().parent
FIRST_PORT = 6006
PORTS_TRIED = 50
START_SECONDS = 120.0


class ServeError(Exception):
    """TensorBoard could not be started; the message says why."""


def main() -> int:
    """Environment, TensorBoard, training, in this order; returns the exit status."""
    arguments = _arguments()
    # `kill` ends it as Ctrl-C does: TensorBoard would stay behind, and keep its port.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    progress = Progress()
    environment = Environment(HERE / ".venv", [HERE / "requirements.txt"], progress)
    server: subprocess.Popen[bytes] | None = None
    try:
        environment.prepare()
        if arguments.serve:
            port = _free_port(arguments.port, progress)
            progress("starting TensorBoard")
            server = _start_tensorboard(environment, arguments.logdir, port)
            progress(f"watch it live: http://localhost:{port}/#nnviz")
        progress(f"training, into {os.path.relpath(arguments.logdir)}")
        training = _training(environment, arguments)
        trained = subprocess.run(training, cwd=HERE, env=environment.variables)
        if trained.returncode != 0:
            progress("the training failed; the lines above say why")
            return trained.returncode if trained.returncode > 0 else 1
        progress("trained")
        if server is not None:
            print(_WHERE_TO_CLICK.format(port=port), flush=True)
            server.wait()
            raise ServeError(f"TensorBoard ended:\n{_end_of(_server_log(environment))}")
    except KeyboardInterrupt:
        progress("stopped; start again with the same command")
        return 130
    except (SetupError, ServeError) as problem:
        print(problem, file=sys.stderr, flush=True)
        return 1
    finally:
        if server is not None:
            _stop(server)
    return 0


_WHERE_TO_CLICK = """
  Open    http://localhost:{port}/#nnviz

  What to look at first:
    tutorial/adam          a sound network: the neurons move, then settle
    tutorial/sgd-too-fast  layer "hidden" in Activations: all inputs lie on the flat left half of
                           ReLU, so every neuron is dead and nothing moves any more
    digits/sigmoid-stack   layer "dense_1" in Activations: the inputs sit on the flat ends of the
                           sigmoid, so no gradient comes through

  Ctrl-C stops TensorBoard; the same command starts it again within seconds.
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--logdir", type=Path, default=HERE / "runs", help="where the runs go (demo/runs)"
    )
    parser.add_argument(
        "--port", type=int, help=f"of TensorBoard; without it the first free one from {FIRST_PORT}"
    )
    parser.add_argument(
        "--epochs", type=int, help="of every network, instead of each one's own number (100 and 15)"
    )
    parser.add_argument(
        "--no-serve", dest="serve", action="store_false", help="train, and end without TensorBoard"
    )
    arguments = parser.parse_args()
    if arguments.epochs is not None and arguments.epochs < 1:
        parser.error(f"--epochs must be 1 or more, got {arguments.epochs}")
    if arguments.port is not None and not 1 <= arguments.port <= 65535:
        parser.error(f"--port must be 1 to 65535, got {arguments.port}")
    arguments.logdir = arguments.logdir.resolve()
    return arguments


def _training(environment: Environment, arguments: argparse.Namespace) -> list[str]:
    command = [str(environment.python), str(HERE / "train.py"), "--logdir", str(arguments.logdir)]
    return command if arguments.epochs is None else [*command, "--epochs", str(arguments.epochs)]


def _free_port(wanted: int | None, progress: Progress) -> int:
    """``wanted`` or the first port, or the next free one, said aloud.

    Raises:
      ServeError: none of the next PORTS_TRIED ports is free.
    """
    first = FIRST_PORT if wanted is None else wanted
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        with socket.socket() as attempt:
            if os.name != "nt":  # there it would allow a port that another program listens on
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                attempt.bind(("127.0.0.1", port))
                if port != first:
                    progress(f"port {first} is in use by another program; taking {port}")
                return port
    raise ServeError(f"no free port from {first} on; choose one with --port")


def _start_tensorboard(
    environment: Environment, logdir: Path, port: int
) -> subprocess.Popen[bytes]:
    """TensorBoard, once it answers and lists the panel.

    Raises:
      ServeError: it ended or did not answer in time.
    """
    logdir.mkdir(parents=True, exist_ok=True)
    command = [str(environment.python), "-m", "tensorboard.main", "--logdir", str(logdir)]
    log = _server_log(environment)
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--reload_interval", "2"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment.variables, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, ValueError):
            listing = f"http://127.0.0.1:{port}/data/plugins_listing"
            with urllib.request.urlopen(listing, timeout=10) as answer:
                if "nnviz" in json.load(answer):
                    return server
                break
        time.sleep(0.2)
    _stop(server)
    raise ServeError(f"TensorBoard did not start with the panel:\n{_end_of(log)}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _server_log(environment: Environment) -> Path:
    return environment.directory / "tensorboard.log"


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


if __name__ == "__main__":
    sys.exit(main())
