"""Processes whose wall clock is not this machine's."""

from pathlib import Path


def clock_apart(seconds):
    """The environment of a process whose wall clock is so many seconds ahead; negative: behind. Its monotonic clock is the
    machine's. Debian's package libfaketime, which `Scripts/setup tests` installs."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    assert library, "libfaketime is missing: Scripts/setup tests"
    return {
        "LD_PRELOAD": str(library), "FAKETIME": f"{seconds:+}s",
        # Nothing in /dev/shm, which a process that is killed would leave behind; times of files stay as they are.
        "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DISABLE_SHM": "1", "NO_FAKE_STAT": "1"}
