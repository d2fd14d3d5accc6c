"""The lines of `make bench`, one file an idea; `Benchmarks/run.py` runs them."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / ".build/release"
# Rates are medians of so many rounds.
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3))
# How long each wrk run takes.
SECONDS = int(os.environ.get("BENCH_SECONDS", 4))

# The processes are those of the end-to-end tests.
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))
