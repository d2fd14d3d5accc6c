"""A test that hangs is cut and named, with the stacks of all threads, and the others go on."""

import contextlib
import faulthandler
import signal
import sys


class TestTookTooLong(Exception):
    """Raised in the main thread when a test's time is over."""

    __test__ = False


@contextlib.contextmanager
def time_limit(name, seconds):
    def expired(_signal, _frame):
        faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
        raise TestTookTooLong(f"{name} took longer than {seconds} s")

    previous = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
