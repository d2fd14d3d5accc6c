"""Puts a second, one a request, beside nginx."""

import json

from harness.records import make_stream

from .http_load import compare, post_script
from .streams import start_service


def puts(bench):
    print("POST put of 1 KB, 64 connections, the embedded Kinesis in another process")
    service = start_service(bench)
    make_stream(service.boto3(), "puts", 4)
    sidecar = bench.sidecars.start_against(service.kinesis_url)
    body = json.dumps({"data": {"fill": "x" * 960}, "partitionKey": "k"})
    script = post_script(bench.folder, "put.lua", body)
    plain = post_script(bench.folder, "plain.lua", "x" * len(body))
    ratio = compare(f"{sidecar.url}/streams/puts/put", bench.nginx.url, 64, script, plain)
    bench.table.add("POST put, 64 connections, to nginx", ratio, "×", 0.4)
    sidecar.close()
    service.close()
