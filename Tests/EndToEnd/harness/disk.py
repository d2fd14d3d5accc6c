"""A file system that can be full."""

import os


def fill_up(folder):
    """Takes all the room that is left, in the file `fill`; whoever removes it gives it back."""
    file = os.open(folder / "fill", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, b"x" * 4096)
    except OSError:
        pass  # no space left
    finally:
        os.close(file)
