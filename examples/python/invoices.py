#!/usr/bin/env python3
"""Follows orders, puts an invoice for each, and acknowledges an order once its invoice is written.

    STREAM=orders CONSUMER_GROUP=billing python3 invoices.py

Python 3.9 or later, and nothing else.
"""

import json, os, signal, sys, time
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

STREAMS = os.environ.get("KINESIS_SIDECAR_URL", "http://localhost:8700") + "/streams/"
ORDERS = STREAMS + quote(os.environ.get("STREAM", "orders"), safe="")
GROUP = {"consumerGroup": os.environ.get("CONSUMER_GROUP", "billing")}
OPTIONS = {
    **GROUP,
    "useAutoCheckpoints": "false",  # what is not acknowledged comes again
    "initialPositionInStream": "TRIM_HORIZON",
    "heartbeatInterval": 1000,  # an empty line each second: SIGTERM need not wait for a record
}

open_url = build_opener(ProxyHandler({})).open  # a process of this machine is behind no proxy


def follow():
    """Yields every event; {} for a sign of life."""
    request = Request(f"{ORDERS}/records?{urlencode(OPTIONS)}", headers={"Accept": "application/x-ndjson"})
    with open_url(request, timeout=60) as lines:
        for line in lines:
            yield json.loads(line.strip() or "{}")


def post(url, body):
    with open_url(Request(url, json.dumps(body).encode()), timeout=60) as response:
        if response.status != 200:  # 207: some of the records were not written
            raise OSError(response.read().decode())


def invoice(order):
    return {"order": order["order"], "customer": order["customer"], "total": order["quantity"] * order["price"]}


def work(event):
    invoices = [invoice(record["data"]) for record in event["records"]]
    post(STREAMS + "invoices/put", {"records": [{"data": one, "partitionKey": one["customer"]} for one in invoices]})
    post(f"{ORDERS}/checkpoints?{urlencode(GROUP)}", {"id": event["id"]})
    print(len(invoices), "invoices", flush=True)


stopping = False


def stop(*_):
    global stopping
    stopping = True


signal.signal(signal.SIGTERM, stop)

delay = 1
while not stopping:
    try:
        for event in follow():
            delay = 1
            if stopping:
                break
            if event.get("event") == "records":
                work(event)
            elif event.get("event") == "problem":
                print(event, file=sys.stderr)
    except HTTPError as refusal:
        print(refusal.read().decode(), file=sys.stderr)
        if refusal.code < 500 and refusal.code not in (409, 429):
            sys.exit(1)  # does not pass by itself
    except (OSError, HTTPException) as error:
        print(error, file=sys.stderr)
    if not stopping:
        time.sleep(delay)
        delay = min(2 * delay, 8)
