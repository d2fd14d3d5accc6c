"""What a test asks of the machine before it begins."""

import os
import shutil

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot and mounts want root")


def needs(*commands):
    """Skips the test where one of these is not on the machine."""
    missing = [command for command in commands if shutil.which(command) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not on this machine: {', '.join(missing)}")
