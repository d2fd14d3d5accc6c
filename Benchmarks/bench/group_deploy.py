"""How often a shard goes to another member while all members of a group are replaced, one after the other."""

from .group_run import GroupRun, table_server

MEMBERS = 3
SHARDS = 12


def group_deploy(bench):
    print(f"rolling deploy of {MEMBERS} members of a consumer group, {SHARDS} shards, default options")
    with table_server(bench) as server:
        for order, is_before in (("before", True), ("after", False)):
            with GroupRun(bench, server, SHARDS) as run:
                moves, duplicates = deploy(run, is_before)
            name = f"rolling deploy, new member {order} the old one ends"
            print(f"    {moves} moves")
            bench.table.add(f"{name}, moves of a shard", moves / SHARDS, "times")
            bench.table.add(f"{name}, duplicates", duplicates, "records", 0, at_least=False)


def deploy(run, is_before):
    """How many shards went to another member, and how many records came twice."""
    for _ in range(MEMBERS):
        run.join()
    run.wait_balanced()
    begun = assigned(run)
    for old in list(run.members):
        if is_before:
            run.join()
            run.wait_balanced()
        run.end(old)
        run.wait_balanced()
        if not is_before:
            run.join()
            run.wait_balanced()
    moves = assigned(run) - begun
    return moves, run.duplicates()


def assigned(run):
    return sum(len(reader.assigned) for reader in run.readers)
