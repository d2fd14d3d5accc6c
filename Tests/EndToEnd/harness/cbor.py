"""CBOR as AWS's services write and read it: tag 1 is a time in whole milliseconds, where RFC 8949 has seconds."""

from dataclasses import dataclass

import cbor2

TYPE = "application/x-amz-cbor-1.1"


@dataclass(frozen=True)
class Time:
    milliseconds: int


def encode(encoder, value):
    encoder.encode(cbor2.CBORTag(1, value.milliseconds))


def dumps(value):
    return cbor2.dumps(value, default=encode)


def loads(body):
    """A body with its `Time`s; an empty one is None."""
    if not body:
        return None
    return cbor2.loads(body, semantic_decoders={1: lambda value, immutable: Time(value)})
