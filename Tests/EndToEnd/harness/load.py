"""Puts records as fast as they are answered, in a thread, and remembers which were acknowledged."""

import threading

from .sidecar import fetch


class Putter:
    """Each record is `{"n": n}` under one of `keys` partition keys; a failed put is tried again with the same n."""

    def __init__(self, url, stream, keys=8, batch=20):
        self.url, self.stream, self.keys, self.batch = url, stream, keys, batch
        self.acknowledged = {}  # n → (shardId, sequenceNumber)
        self.refusals = []
        self._stop = threading.Event()
        self._enough = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _run(self):
        n = 0
        while not self._stop.is_set():
            records = [{"data": {"n": n + i}, "partitionKey": f"key-{(n + i) % self.keys}"} for i in range(self.batch)]
            try:
                answer = fetch(f"{self.url}/streams/{self.stream}/put", "POST", {"records": records}, timeout=20)
            except OSError as error:
                self.refusals.append(str(error))
                self._stop.wait(0.02)
                continue
            if answer.status not in (200, 207):
                self.refusals.append(repr(answer))
                self._stop.wait(0.02)
                continue
            with self._enough:
                for i, result in enumerate(answer.json["records"]):
                    if "sequenceNumber" in result:
                        self.acknowledged[n + i] = (result["shardId"], result["sequenceNumber"])
                self._enough.notify_all()
            n += self.batch

    def wait(self, count, within=30):
        """Until so many records are acknowledged."""
        with self._enough:
            assert self._enough.wait_for(lambda: len(self.acknowledged) >= count, within), (
                f"{len(self.acknowledged)} of {count} acknowledged; {self.refusals[-2:]}")
        return self

    def stop(self):
        self._stop.set()
        self._thread.join(30)
        return self.acknowledged
