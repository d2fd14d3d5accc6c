"""A member of a group that writes as lifion-kinesis 1.3.3 does: what it reads goes by the item, what it writes mostly has no
condition. Polling, automatic shard assignment, automatic checkpoints."""

import json
import math
import threading
import uuid
from datetime import datetime, timedelta, timezone

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

# Seconds; a member without a heartbeat for so long is cleared. Nobody of lifion's can change it.
FAILED = 40
RENEWED_BEFORE_END = 75
_serialize, _deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def now():
    return datetime.now(timezone.utc)


def moment_of(text):
    return datetime.fromisoformat(text)


def _token():
    return uuid.uuid4().hex[:22]


class Refused(Exception):
    """The condition of a write was not true."""


class LifionPlayer:
    """It starts at TRIM_HORIZON. `every`: seconds from one lease round to the next (lifion: 20), from one heartbeat to the
    next (20) and from one poll to the next (0.25 to 1) alike; `lease`: seconds (300); `clock`: how many seconds its clock is
    ahead of this machine's."""

    def __init__(self, group, every=0.3, lease=300, clock=0):
        self.kinesis, self.dynamodb, self.table = group.kinesis, group.dynamodb, group.table
        self.id, self.every, self.lease = _token(), every, lease
        self.key = {"consumerGroup": {"S": "g"}, "streamName": {"S": "s"}}
        self.clock = timedelta(seconds=clock)
        self.records = []  # delivered, each with its shard
        self.failure = None
        self._reading = {}  # shard → its iterator, None before it has one
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _now(self):
        return now() + self.clock

    # Life.

    def start(self):
        """Returns once the first lease round is over."""
        self._enter(iso(self._stream_created_on()))
        self._lease_round()
        self._thread.start()
        return self

    def start_while_the_stream_is_missing(self, ends_early=False):
        """What a member leaves behind that starts while it does not find the stream: the group's item is deleted, and made
        anew without the stream's time. `ends_early`: between the two."""
        if ends_early:
            self.dynamodb.delete_item(TableName=self.table, Key=self.key)
        else:
            self._enter(None)

    def stop(self):
        """Nothing is written."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(20)

    def kill(self):
        """As `stop`: lifion-kinesis writes nothing at its end."""
        self.stop()
        assert self.failure is None, self.failure

    def _enter(self, created_on):
        try:
            self.dynamodb.create_table(
                TableName=self.table, BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in self.key],
                KeySchema=[
                    {"AttributeName": "consumerGroup", "KeyType": "HASH"},
                    {"AttributeName": "streamName", "KeyType": "RANGE"}])
        except self.dynamodb.exceptions.ResourceInUseException:
            pass  # it is there
        item = self._item(is_consistent=False)
        if item and item.get("streamCreatedOn") != created_on:
            self.dynamodb.delete_item(TableName=self.table, Key=self.key)
        new = {"consumers": {}, "enhancedConsumers": {}, "shards": {}, "version": _token()}
        if created_on:
            new["streamCreatedOn"] = created_on
        try:
            self.dynamodb.put_item(
                TableName=self.table, Item={**self.key, **{name: _serialize(value) for name, value in new.items()}},
                ConditionExpression="attribute_not_exists(streamName)")
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            pass
        self._heartbeat()

    def _run(self):
        try:
            while not self._over.wait(self.every):
                self._heartbeat()
                self._lease_round()
                self._reconcile(self.owned())
                for shard in list(self._reading):
                    self._poll(shard)
        except Exception as error:  # noqa: BLE001: `kill` tells it
            self.failure = error

    # Members.

    def _heartbeat(self):
        """As a registration first, so that a member that was cleared comes back by itself."""
        record = {
            "appName": "player", "heartbeat": iso(self._now()), "host": "player.local", "isActive": True, "isStandalone": False,
            "pid": 4711, "startedOn": iso(self._now())}
        try:
            self._set(["consumers", self.id], record, "attribute_not_exists(#0.#1)")
        except Refused:
            self._set(["consumers", self.id, "heartbeat"], record["heartbeat"])
        item = self._item()
        old = [
            name for name, member in item["consumers"].items()
            if self._now() - moment_of(member["heartbeat"]) > timedelta(seconds=FAILED)]
        if old:
            self._clear(old, item["version"])

    def _clear(self, members, version):
        names = {f"#{index}": name for index, name in enumerate(members)}
        try:
            self._update(
                "REMOVE " + ", ".join(f"#c.{name}" for name in names) + " SET #v = :new", "#v = :old",
                {**names, "#c": "consumers", "#v": "version"}, {":new": _token(), ":old": version})
        except Refused:
            pass

    # Leases.

    def owned(self):
        """Shards that it reads: leased, by its clock, and not read to their ends."""
        return [
            name for name, shard in self._item()["shards"].items()
            if shard["leaseOwner"] == self.id and not shard["depleted"] and moment_of(shard["leaseExpiration"]) > self._now()]

    def _lease_round(self):
        for shard in self._list():
            try:
                self._lease(shard)
            except Refused:
                pass  # the race is lost: next round

    def _lease(self, listed):
        name = listed["ShardId"]
        item = self._item()
        if name not in item["shards"]:
            self._add(listed)
            item = self._item()
        shard, owner = item["shards"][name], item["shards"][name]["leaseOwner"]
        if shard["depleted"]:
            return
        end = moment_of(shard["leaseExpiration"]) if shard["leaseExpiration"] else None
        if owner == self.id:
            if end - self._now() > timedelta(seconds=RENEWED_BEFORE_END):
                return
            owner = None
        if owner and (owner not in item["consumers"] or (end and end < self._now())):
            shard["version"] = self._write_lease(name, shard["version"], None)
            owner = None
        if owner or not item["shards"].get(shard["parent"], {"depleted": True})["depleted"]:
            return
        if not self._is_full(item, name):
            self._write_lease(name, shard["version"], self.id)

    def _is_full(self, item, renewed):
        unread = {name: shard for name, shard in item["shards"].items() if not shard["depleted"]}
        counting = [each for each in item["consumers"].values() if each["isActive"] and not each["isStandalone"]]
        mine = sum(shard["leaseOwner"] == self.id and name != renewed for name, shard in unread.items())
        return bool(counting) and mine + 1 > math.ceil(len(unread) / len(counting))

    def _write_lease(self, name, version, owner):
        end = iso(self._now() + timedelta(seconds=self.lease)) if owner else None
        return self._set_shard(name, {"leaseOwner": owner, "leaseExpiration": end}, version)

    def _add(self, listed):
        parent = listed.get("ParentShardId")
        record = {
            "checkpoint": None, "depleted": False, "leaseExpiration": None, "leaseOwner": None,
            "parent": parent if parent in {shard["ShardId"] for shard in self._list()} else None, "version": _token()}
        try:
            self._set(["shards", listed["ShardId"]], record, "attribute_not_exists(#0.#1)")
        except Refused:
            pass

    # Reading.

    def _reconcile(self, owned):
        self._reading = {name: self._reading.get(name) for name in owned}

    def _poll(self, name):
        shard = self._item()["shards"][name]
        if self._reading[name] is None:
            place = {"ShardIteratorType": "TRIM_HORIZON"} if shard["checkpoint"] is None else {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": shard["checkpoint"]}
            self._reading[name] = self.kinesis.get_shard_iterator(StreamName="s", ShardId=name, **place)["ShardIterator"]
        answer = self.kinesis.get_records(ShardIterator=self._reading[name], Limit=1000)
        if answer["Records"]:
            # Before it delivers them.
            self.store_checkpoint(name, answer["Records"][-1]["SequenceNumber"])
            self._deliver([
                {"shardId": name, "sequenceNumber": record["SequenceNumber"], "data": json.loads(record["Data"])}
                for record in answer["Records"]])
        self._reading[name] = answer.get("NextShardIterator")
        if not answer["Records"] and self._reading[name] is None:
            self._mark_depleted(name)

    def _deliver(self, records):
        """Of one shard."""
        self.records += records

    def store_checkpoint(self, name, number):
        self._set_shard(name, {"checkpoint": number, "approximateArrivalTimestamp": None})

    def _mark_depleted(self, name):
        self._set_shard(name, {"depleted": True})
        if self._item()["shards"][name]["checkpoint"] is None:
            return
        for child in self._list():
            if child.get("ParentShardId") == name:
                self._add(child)
                self._set_shard(
                    child["ShardId"], {"checkpoint": child["SequenceNumberRange"]["StartingSequenceNumber"]})

    # The services.

    def _stream_created_on(self):
        return self.kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamCreationTimestamp"]\
            .astimezone(timezone.utc)

    def _list(self):
        return self.kinesis.list_shards(StreamName="s")["Shards"]

    def _item(self, is_consistent=True):
        item = self.dynamodb.get_item(TableName=self.table, Key=self.key, ConsistentRead=is_consistent).get("Item")
        return item and {name: _deserialize(value) for name, value in item.items()}

    def _set_shard(self, name, values, version=None):
        """Of a shard's record, with a new version, which it returns; `version`: only if it has that one still."""
        values = {**values, "version": _token()}
        names = {"#s": "shards", "#n": name, **{f"#{key}": key for key in values}}
        told = {f":{key}": value for key, value in values.items()}
        if version:
            told[":old"] = version
        self._update(
            "SET " + ", ".join(f"#s.#n.#{key} = :{key}" for key in values), "#s.#n.#version = :old" if version else None,
            names, told)
        return values["version"]

    def _set(self, path, value, condition=None):
        self._update(
            "SET " + ".".join(f"#{index}" for index in range(len(path))) + " = :value", condition,
            {f"#{index}": name for index, name in enumerate(path)}, {":value": value})

    def _update(self, expression, condition, names, values):
        more = {"ConditionExpression": condition} if condition else {}
        try:
            self.dynamodb.update_item(
                TableName=self.table, Key=self.key, UpdateExpression=expression, ExpressionAttributeNames=names,
                ExpressionAttributeValues={name: _serialize(value) for name, value in values.items()}, **more)
        except self.dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise Refused from error


def set_heartbeat(group, player, moment):
    """As if the player's last heartbeat had been then."""
    group.dynamodb.update_item(
        TableName=group.table, Key=player.key, UpdateExpression="SET consumers.#id.heartbeat = :time",
        ExpressionAttributeNames={"#id": player.id}, ExpressionAttributeValues={":time": {"S": iso(moment)}})
