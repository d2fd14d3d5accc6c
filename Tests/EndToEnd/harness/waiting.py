"""Waiting without sleeping blindly: poll until something holds, or say what did not."""

import time


def eventually(check, within=10.0, every=0.02, why=None):
    """Calls `check` until it returns something true, and returns that; fails after `within` seconds.

    An AssertionError of `check` means "not yet"; the last one is what the failure shows.
    """
    deadline = time.monotonic() + within
    last = None
    while True:
        try:
            value = check()
            if value:
                return value
            last = f"last value: {value!r}"
        except AssertionError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {why or check.__name__}; {last}")
        time.sleep(every)
