"""From a GetRecords answer with aggregated records to events of their user records, on one core."""

import json
import statistics
import subprocess

from . import RELEASE, ROUNDS


def deaggregation(bench):
    print("deaggregation: GetRecords answer of aggregates to events, one core")
    for payload in (200, 1000):
        answer = bench.folder / f"answer-{payload}.aggregated"
        subprocess.run([RELEASE / "HotPath", "generate", answer, str(payload), "aggregated"], check=True)
        rounds = [
            json.loads(subprocess.check_output([RELEASE / "HotPath", "measure", answer, "2"])) for _ in range(ROUNDS)]
        median = statistics.median(figures["answerMBPerSecond"] for figures in rounds)
        records = statistics.median(figures["recordsPerSecond"] for figures in rounds)
        # An answer is its aggregates in base64, and a few hundred bytes besides.
        bench.table.add(f"deaggregation, {payload:,} B user records", median * 3 / 4, "MB/s of aggregate", 500)
        print(f"    {records / 1e6:.2f} million user records a second")
