"""PutRecords of 100 records of 1 KB into the embedded Kinesis, from four writers."""

import base64
import json
import statistics
import tempfile

from harness.records import make_stream

from . import ROUNDS
from .http_load import wrk

RECORDS = 100
WRITERS = 4
# Under a key id that is taken unverified: the signature's cost is the client's for the greater part.
SCRIPT = """
wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/x-amz-json-1.1'
wrk.headers['X-Amz-Target'] = 'Kinesis_20131202.PutRecords'
wrk.headers['Authorization'] = 'AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/kinesis/aws4_request, \
SignedHeaders=host, Signature=%s'
wrk.body = [==[%s]==]
"""
# Records a second, by whether they go to the disk.
TARGETS = {False: 97_000, True: 58_000}


def local_puts(bench):
    print(f"PutRecords of {RECORDS} x 1 KB into the embedded Kinesis, {WRITERS} writers")
    data = base64.b64encode(b"x" * 1024).decode()
    records = [{"Data": data, "PartitionKey": f"key-{n}"} for n in range(RECORDS)]
    script = bench.folder / "put-records.lua"
    script.write_text(SCRIPT % ("0" * 64, json.dumps({"StreamName": "puts", "Records": records})))
    for is_on_disk, target in TARGETS.items():
        rounds = [rate(bench, script, is_on_disk) for _ in range(ROUNDS)]
        place = "on disk" if is_on_disk else "in memory"
        bench.table.add(f"PutRecords into the embedded Kinesis {place}", statistics.median(rounds), "records/s", target)


def rate(bench, script, is_on_disk):
    """Records a second; each run begins with an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        sidecar = bench.sidecars.start("--local-limits", "off", data_dir=f"{folder}/data" if is_on_disk else None)
        make_stream(sidecar.boto3(), "puts", 4)
        requests = wrk(f"{sidecar.kinesis_url}/", WRITERS, script)
        sidecar.close()
    return requests * RECORDS
