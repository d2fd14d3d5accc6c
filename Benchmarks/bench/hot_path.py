"""From a GetRecords answer to events, on one core, beside Foundation's JSON on the same bytes."""

import json
import statistics
import subprocess

from . import RELEASE, ROOT, ROUNDS

FOUNDATION = ROOT / "Benchmarks/Foundation/.build/release/FoundationHotPath"


def hot_path(bench):
    print("hot path: GetRecords answer to events, one core")
    for payload in (200, 1000):
        answer = bench.folder / f"answer-{payload}.json"
        subprocess.run([RELEASE / "HotPath", "generate", answer, str(payload)], check=True)
        ours, theirs, records = [], [], []
        for _ in range(ROUNDS):
            figures = json.loads(subprocess.check_output([RELEASE / "HotPath", "measure", answer, "2"]))
            ours.append(figures["answerMBPerSecond"])
            records.append(figures["recordsPerSecond"] / 1e6)
            theirs.append(json.loads(subprocess.check_output([FOUNDATION, answer, "2"]))["answerMBPerSecond"])
        median = statistics.median
        bench.table.add(f"hot path, {payload} B payloads", median(ours), "MB/s of answer", 600)
        if payload == 200:
            bench.table.add("hot path, records of 200 B", median(records), "million/s", 1.5)
        bench.table.add(f"hot path, {payload} B, to Foundation", median(ours) / median(theirs), "×", 20)
