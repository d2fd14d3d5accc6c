"""What a consumer group asks of DynamoDB under full load, and what one write per batch and shard would be."""

import time

from .group_run import GroupRun, group_stats, table_server

SHARDS = (1, 16, 64, 200)
MEMBERS = (1, 5)
# Seconds that are counted; renewals come every 13.
WINDOW = 20
# Half of what an item has, for the whole group.
UNITS_A_MINUTE = 500 * 60
# Up to here a member's checkpoints are one request.
ONE_REQUEST = 48
COUNTED = ("writes", "reads", "writtenUnits", "readUnits", "failedConditions")


def group_costs(bench):
    """Each poll of each shard finds records, so that each batch would be a write of its own."""
    print("a consumer group's item: writes, reads and capacity units, default options")
    with table_server(bench) as server:
        for shards in SHARDS:
            with GroupRun(bench, server, shards) as run:
                for members in MEMBERS:
                    while len(run.members) < members:
                        run.join()
                    run.wait_balanced()
                    show(bench, run, shards, members)


def show(bench, run, shards, members):
    each, batches = per_minute(run)
    print(f"    item of {group_stats(run.members[0])['itemBytes']:,} B, {each['failedConditions']:.0f} failed conditions")
    name = f"{shards} shards, members: {members}"
    most = 60 * members if shards <= ONE_REQUEST else None
    bench.table.add(f"{name}, DynamoDB writes", each["writes"], "a minute", most, at_least=False)
    bench.table.add(f"{name}, writes were there one per batch and shard", batches, "a minute")
    bench.table.add(f"{name}, write units", each["writtenUnits"], "a minute", UNITS_A_MINUTE, at_least=False)
    bench.table.add(f"{name}, reads", each["reads"], "a minute")
    bench.table.add(f"{name}, read units", each["readUnits"], "a minute")


def per_minute(run):
    """What all members have asked for in a window, and the batches that came, scaled to a minute."""
    def counts():
        stats = [member.get("/stats").json["dynamoDb"] for member in run.members]
        return {name: sum(each[name] for each in stats) for name in COUNTED}

    before, batches, began = counts(), batches_of(run), time.monotonic()
    time.sleep(WINDOW)
    after, batches, seconds = counts(), batches_of(run) - batches, time.monotonic() - began
    return {name: (after[name] - before[name]) * 60 / seconds for name in COUNTED}, batches * 60 / seconds


def batches_of(run):
    return sum(reader.batches for reader in run.readers)
