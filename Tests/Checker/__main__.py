"""Checks that a sidecar loses nothing: `python Tests/Checker --seed 7`. See README.md."""

import argparse
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))
for name in [name for name in os.environ if name.startswith(("AWS_", "KINESIS_SIDECAR_"))]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1,::1"

from group_scenario import GroupScenario  # noqa: E402
from multilang.scenario import MultiLangScenario  # noqa: E402
from scenario import Scenario  # noqa: E402

SHOWN = 5
current = None


def main():
    options = _options()
    # As Ctrl-C: the processes that a run has started are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"terminated; logs are in {current}"))
    failed = []
    for seed in range(options.seed, options.seed + options.seeds):
        if not run(seed, options):
            failed.append(seed)
            if options.stop:
                break
    if failed:
        print(f"{len(failed)} of {options.seeds} seeds failed: {' '.join(map(str, failed))}")
    sys.exit(1 if failed else 0)


def run(seed, options):
    """True when the seed holds; a failure prints how to run it again, and leaves its logs."""
    global current
    if options.multilang:
        scenario = MultiLangScenario(seed, options.steps, options.stuck)
        size = f"--multilang --steps {options.steps}"
    elif options.groups:
        scenario = GroupScenario(seed, options.steps, options.stuck, options.fan_out, options.formats)
        size = f"--groups --steps {options.steps}"
    else:
        scenario = Scenario(seed, options.records, options.readers, options.stuck, options.fan_out, options.formats)
        size = f"--records {options.records} --readers {options.readers}"
    if options.fan_out:
        size += " --fan-out"
    if options.formats:
        size += " --formats"
    current = scenario.folder
    try:
        verdict = scenario.run()
        print(table(scenario.heading(verdict), verdict), flush=True)
        holds = verdict.holds
    except Exception:
        traceback.print_exc()
        holds = False
    if options.keep:
        print(f"seed {seed}: plan, logs, connections and deliveries are in {scenario.folder}")
    elif holds:
        shutil.rmtree(scenario.folder)
    if not holds:
        print(f"seed {seed} FAILED; plan, logs, connections and deliveries are in {scenario.folder}")
        print(f"again: .venv/bin/python Tests/Checker --seed {seed} {size}", flush=True)
    return holds


def table(heading, verdict):
    lines = [heading]
    for title, reasons in (("again", verdict.duplicates), ("stored twice", verdict.copies)):
        for reason, count in sorted(reasons.items()):
            lines.append(f"  {title:<13} {count:>6}  {reason}")
    for title in sorted({"lost", "out of order", "twice for no reason", *verdict.findings}):
        found = verdict.findings.get(title, [])
        if title != "else" or found:
            lines.append(f"  {title:<25} {len(found)}")
        lines += [f"      {text}" for text in found[:SHOWN]]
    return "\n".join(lines)


def _options():
    parser = argparse.ArgumentParser(prog="Tests/Checker", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after the other (1)")
    parser.add_argument("--groups", action="store_true", help="several sidecars that share the stream over DynamoDB")
    parser.add_argument("--multilang", action="store_true", help="record processors of several sidecars; plain and aggregated")
    parser.add_argument("--fan-out", action="store_true", help="records are pushed: enhanced fan-out")
    parser.add_argument("--formats", action="store_true", help="aggregated, compressed and S3 records among the others")
    parser.add_argument("--steps", type=int, default=14, help="disturbances of a group, or of hosts of record processors (14)")
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--readers", type=int, default=3, help="at a time (3)")
    parser.add_argument("--stuck", type=float, default=60, help="seconds without a put or delivery that are a hang (60)")
    parser.add_argument("--keep", action="store_true", help="logs also of seeds that hold")
    parser.add_argument("--stop", action="store_true", help="at the first seed that fails")
    return parser.parse_args()


main()
