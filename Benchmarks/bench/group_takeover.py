"""How long a shard of a consumer group is read by nobody when its member ends, and what comes twice then."""

import statistics
import time

from . import ROUNDS
from .group_run import GroupRun, group_stats, table_server

SHARDS = 4
# `leaseDuration` in ms, how often its end is waited for, and within how many seconds a killed member is taken over.
LEASES = ((5000, ROUNDS, 7), (40_000, 1, 45))
# Seconds from SIGTERM, from a start, and from SIGKILL with a start behind it.
AT_ONCE = 2


def group_takeover(bench):
    print("a member of a consumer group ends: from its end to the first record of its shards elsewhere")
    with table_server(bench) as server:
        for lease, rounds, most in LEASES:
            name = f"leases of {lease // 1000} s"
            add(bench, f"{name}, start to first record, free leases", start(bench, server, lease), AT_ONCE)
            seconds, duplicates = terminated(bench, server, lease)
            add(bench, f"{name}, SIGTERM to first record elsewhere", seconds, AT_ONCE)
            bench.table.add(f"{name}, duplicates per hand-over", duplicates, "records", 0, at_least=False)
            add(bench, f"{name}, SIGKILL and restart on its volume", restarted(bench, server, lease), AT_ONCE)
            seconds, duplicates = killed(bench, server, lease, rounds)
            add(bench, f"{name}, SIGKILL to first record elsewhere", seconds, most)
            bench.table.add(f"{name}, duplicates per SIGKILL", duplicates, "records")


def add(bench, what, seconds, most):
    print("    " + ", ".join(f"{each:.2f}" for each in seconds))
    bench.table.add(what, statistics.median(seconds), "s", most, at_least=False)


def pair(run):
    """Two members that share the shards, and their readers; all of them read."""
    while len(run.members) < 2:
        run.join()
    run.wait_balanced()
    for reader in run.readers[-2:]:
        reader.first_arrival(time.monotonic(), 20)
    return run.members, run.readers[-2:]


def shards_of(run, member):
    """Its shards, by the item."""
    me = group_stats(member)["memberId"]
    return {name for name, record in run.group.shards().items() if record["leaseOwner"] == {"S": me}}


def start(bench, server, lease):
    """Of the only member, from before its process is started; the stream has records, nobody has the leases."""
    seconds = []
    with GroupRun(bench, server, SHARDS, leaseDuration=lease) as run:
        for _ in range(ROUNDS):
            began = time.monotonic()
            member, reader = run.join()
            seconds.append(reader.first_arrival(began, 60) - began)
            run.end(member)
    return seconds


def terminated(bench, server, lease):
    """Seconds of each round, and how many records came twice for each hand-over: a member joins, another one ends."""
    seconds = []
    with GroupRun(bench, server, SHARDS, leaseDuration=lease) as run:
        for _ in range(ROUNDS):
            (ending, _), (_, reader) = pair(run)
            shards = shards_of(run, ending)
            began = time.monotonic()
            run.end(ending)
            seconds.append(reader.first_arrival(began, 60, shards) - began)
        return seconds, run.duplicates() / (2 * ROUNDS)


def restarted(bench, server, lease):
    seconds = []
    with GroupRun(bench, server, SHARDS, leaseDuration=lease) as run:
        (member, _), _ = pair(run)
        for _ in range(ROUNDS):
            shards = shards_of(run, member)
            began = time.monotonic()
            member.kill()
            member.start()
            reader = run.follow(member)
            seconds.append(reader.first_arrival(began, 60, shards) - began)
    return seconds


def killed(bench, server, lease, rounds):
    seconds = []
    with GroupRun(bench, server, SHARDS, leaseDuration=lease) as run:
        for _ in range(rounds):
            (ending, _), (_, reader) = pair(run)
            shards = shards_of(run, ending)
            began = time.monotonic()
            ending.kill()
            run.members.remove(ending)
            seconds.append(reader.first_arrival(began, 90, shards) - began)
        return seconds, run.duplicates() / rounds
