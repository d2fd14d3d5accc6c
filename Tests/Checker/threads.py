"""What a run does at the same time."""

import threading


class Threads:
    """What goes wrong in one is a complaint, until the run is over."""

    def __init__(self, over, complain):
        self.over, self.complain = over, complain
        self._threads = []

    def start(self, work, *arguments):
        def run():
            try:
                work(*arguments)
            except Exception as error:
                if not self.over.is_set():
                    self.complain(f"{work.__name__}: {error!r}")
                raise

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, seconds):
        """Waits for each for so long at most."""
        for thread in self._threads:
            thread.join(seconds)
