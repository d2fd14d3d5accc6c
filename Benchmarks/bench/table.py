"""What was measured, beside what it should be."""

import os
import platform


class Table:
    """Rows of measured, target and ratio; a figure without a target is there to be compared with later ones."""

    def __init__(self):
        self.rows = []

    def add(self, what, measured, unit, target=None, at_least=True):
        figure = f"{measured:,.2f} {unit}"
        print(f"  {what}: {figure}", flush=True)
        if target is None:
            return self.rows.append((what, figure, "—", "—", ""))
        met = measured >= target if at_least else measured <= target
        bound = f"{'≥' if at_least else '≤'} {target:,.2f} {unit}"
        # Of a target of none there is no ratio.
        ratio = f"{measured / target:.2f}" if target else "—"
        self.rows.append((what, figure, bound, ratio, "met" if met else "MISSED"))

    def show(self):
        rows = [("what", "measured", "target", "ratio", ""), *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        print(f"\n{machine()}\n")
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, load {load:.1f}"
