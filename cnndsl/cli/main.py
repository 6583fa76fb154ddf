"""`cnndsl COMMAND ...`: finds the command, runs it, and turns whatever goes wrong into one line and an exit code.

Exit codes: 0 fine, 1 findings in an `.arch` file, 2 usage (arguments, files, folders), 3 an internal failure,
130 interrupted (Ctrl-C), 143 terminated, 129 hung up: 128 and the signal, as shells count.
"""

from __future__ import annotations

import _thread
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, TextIO

from cnndsl.errors import Error

STOPS: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    STOPS[signal.SIGHUP] = "hung up"
UNHEARD = (signal.SIG_DFL, signal.default_int_handler)


def process() -> NoReturn:
    """Run the command line of a process that ends with it.

    It makes more objects than the garbage collector expects and few circles, and goes without taking them apart one by
    one: that is a quarter of a check. What others have to tidy up at the end, as torch has, is left to Python.
    """
    gc.set_threshold(100_000)
    code = main()
    if {"torch", "triton"} & {*sys.modules}:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads it
            stream.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; gives the exit code."""
    sys.stdout, sys.stderr = _usable(sys.stdout), _usable(sys.stderr)
    try:
        with _heard_stops():
            from cnndsl.cli.parser import parse  # all that takes time is imported where Ctrl-C is heard

            options = parse(sys.argv[1:] if arguments is None else arguments)
            code: int = options.run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        with suppress(OSError):  # a terminal that hung up takes no message
            print(f"cnndsl: {STOPS[number]}", file=sys.stderr)
        return 128 + number
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = _nowhere()
        return 0
    except Exception as error:
        return _failure(error)


class Stopped(KeyboardInterrupt):
    """A signal asks to end: what tidies up after Ctrl-C does so after the others, too."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def _heard_stops() -> Iterator[None]:
    """The block ends by `Stopped` if a signal of STOPS came, whatever else became of it: libraries swallow exceptions.

    While a module is being imported a signal is put off: C++ that is being set up ends the process at an exception.
    One that somebody else listens to, or nobody is to hear (`nohup`), stays theirs.
    """
    heard: list[int] = []
    put_off: list[threading.Timer] = []

    def stop(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if not _imports(frame):
            raise Stopped(number)
        again = threading.Timer(0.02, _signal_again, (number,))
        again.daemon = True
        again.start()
        put_off.append(again)

    ours: list[int] = []
    if threading.current_thread() is threading.main_thread():  # no other may listen
        ours += [number for number in STOPS if signal.getsignal(number) in UNHEARD]
    before = {number: signal.signal(number, stop) for number in ours}
    try:
        yield
    finally:
        for again in put_off:
            again.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            raise Stopped(heard[0])


def _signal_again(number: int) -> None:
    """From another thread; what the main thread waits for is interrupted, where the system can do that."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _imports(frame: FrameType | None) -> bool:
    """Is a module being imported there?"""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _usable(stream: TextIO | None) -> TextIO:
    """A stream that can be written to: one that the shell closed is None."""
    if stream is None:
        return _nowhere()
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows `?`, not a traceback
    return stream


def _nowhere() -> TextIO:
    return open(os.devnull, "w")


def _failure(error: Exception) -> int:
    """One line for what a user can mend; for the rest, where the trace is."""
    import traceback

    debug = bool(os.environ.get("CNNDSL_DEBUG"))
    if isinstance(error, Error):
        if debug:
            traceback.print_exc()
        print(f"cnndsl: error: {error}", file=sys.stderr)
        return 2
    if isinstance(error, OSError):  # the files that a user names are dealt with where they are opened
        sys.stdout = _nowhere()
        print(f"cnndsl: error: cannot go on: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2
    if debug:
        traceback.print_exc()
    lines = str(error).splitlines()
    print(f"cnndsl: internal error: {type(error).__name__}: {lines[0] if lines else ''}", file=sys.stderr)
    if not debug:
        print("cnndsl: this is a bug; please report it with the trace that CNNDSL_DEBUG=1 shows", file=sys.stderr)
    return 3
