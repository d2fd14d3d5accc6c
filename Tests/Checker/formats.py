"""Of `--formats`: the forms in which records lie in the stream (aggregated, compressed, in S3), and what readers get of each."""

import json
import random
import uuid

import boto3
from botocore.config import Config

from harness.lz_utf8 import decompress

BUCKET = "checked-items"
# A record with more than 1 KiB of data is put to S3.
LARGE_KILOBYTES = 1
# One of so many numbers has more than that.
LARGE_EVERY = 23
WORDS = "what is said again and again is short "


def item(n):
    """The data of that number."""
    length = 1100 + n * 37 % 3000 if n % LARGE_EVERY == 0 else n % 400
    return {"n": n, "pad": (WORDS * 110)[n % 7:n % 7 + length]}


class Formats:
    """What the sidecars of a run are told, by its seed alone."""

    def __init__(self, seed):
        chance = random.Random(f"formats {seed}")
        self.aggregates = chance.random() < 0.7
        self.compresses = chance.random() < 0.5
        # Small ones end inside aggregates, and so do connections and processes.
        self.event_bytes = chance.choice((1024, 1024, 4096, 60_000))
        self.buffered_time = chance.choice((0, 20, 100))

    def options(self, s3_url):
        return {
            "aggregate": self.aggregates, "recordMaxBufferedTime": self.buffered_time,
            "compression": "LZ-UTF8" if self.compresses else "none", "maxEventBytes": self.event_bytes,
            "useS3ForLargeItems": True,
            "s3": {
                "endpoint": s3_url, "bucketName": BUCKET, "largeItemThreshold": LARGE_KILOBYTES, "nonS3Keys": ["n"]}}

    def text(self, data):
        """What lies in the stream, without its compression: text that was never compressed reads as itself."""
        return decompress(data) if self.compresses else data

    def __str__(self):
        return (
            f"sidecars {'aggregate' if self.aggregates else 'do not aggregate'}, compression "
            f"{'on' if self.compresses else 'off'}, events of {self.event_bytes} bytes, {self.buffered_time} ms buffered")


class Items:
    """The objects in S3: whoever puts past the sidecars has some too, and some of all are deleted."""

    def __init__(self, url):
        """`url`: where S3 is."""
        self.s3 = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local",
            config=Config(s3={"addressing_style": "path"}))
        self.gone = set()  # keys that were deleted, or are about to be
        self.pointers = set()  # numbers that came as their pointers

    def make_bucket(self):
        self.s3.create_bucket(Bucket=BUCKET)
        return self

    def put(self, n, exists=True):
        """As lifion-kinesis puts an item of that number; returns the pointer. One that does not exist is deleted before
        anybody knows of it."""
        key = f"checked-{uuid.uuid4().hex}.json"
        tag = self.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(item(n)).encode())["ETag"]
        if not exists:
            self._delete(key)
        return {"@S3Item": {"bucket": BUCKET, "eTag": tag.strip('"'), "key": key}, "n": n}

    def delete(self, share, choice):
        """So many of the objects that are there; returns how many. `choice`: any number, which says which."""
        chance = random.Random(choice)
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        keys = [each["Key"] for page in pages for each in page.get("Contents", []) if chance.random() < share]
        for key in keys:
            self._delete(key)
        return len(keys)

    def _delete(self, key):
        self.gone.add(key)
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def told(self, verdict):
        """What the run was about, in numbers."""
        counts = verdict.counts
        return (
            f"{counts['of aggregates']} stored in aggregates, {counts['begun inside']} turns begun and "
            f"{counts['acknowledged inside']} acknowledgements inside of them, {len(self.gone)} items deleted, "
            f"{len(self.pointers)} records came as their pointers")

    def problem(self, record):
        """What is wrong with a record as a reader got it, as text; None where nothing is."""
        data, error = record["data"], record.get("dataError")
        if error is None:
            return None if data == item(data["n"]) else f"n={data['n']} came as {str(data)[:200]}"
        if error["code"] == "itemGone" and data.get("@S3Item", {}).get("key") in self.gone:
            self.pointers.add(data["n"])
            return None
        return f"came with {error} as {str(data)[:200]}"
