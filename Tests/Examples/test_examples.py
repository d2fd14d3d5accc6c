"""Every example of examples/, against the built program: each order gets its invoice, whatever is disturbed, and twice only
what was not acknowledged."""

import json
import signal
from collections import Counter

import pytest

from example import Example
from harness.records import read_stream
from harness.sidecar import boto3_kinesis
from harness.waiting import eventually
from languages import LANGUAGES, command, missing


@pytest.fixture(scope="session", params=LANGUAGES)
def example_command(request, tmp_path_factory):
    language = request.param
    if lacking := missing(language):
        pytest.skip(f"{language}: {', '.join(lacking)} is not on this machine")
    return command(language, tmp_path_factory.mktemp(language))


@pytest.fixture
def shop(sidecars, example_command, tmp_path):
    shop = Shop(sidecars, example_command, tmp_path)
    yield shop
    shop.example.close()


class Shop:
    """The streams orders and invoices of one program, and an example that makes the one of the other."""

    def __init__(self, sidecars, command, folder):
        self.sidecar = sidecars.start(
            "--local-limits", "off", "--local-stream", "orders:2", "--local-stream", "invoices:1",
            data_dir=folder / "data",
            # A few orders in each event, so that there is a middle of it.
            env={"KINESIS_SIDECAR_MAX_EVENT_BYTES": "1024"})
        self.sidecar.keep_port()
        self.example = Example(command, self.sidecar.url, folder)
        self.orders = {}

    def order(self, count):
        """Puts so many more orders, and returns their numbers."""
        numbers = range(len(self.orders), len(self.orders) + count)
        for number in numbers:
            order = {"order": number, "customer": f"c-{number % 7}", "quantity": number % 5 + 1, "price": 250 + number}
            answer = self.sidecar.put("orders", order, partitionKey=order["customer"])
            self.orders[number] = (order, answer["shardId"], int(answer["sequenceNumber"]))
        return numbers

    def invoices(self):
        """How many invoices each order has; each must be right."""
        counts = Counter()
        for record in read_stream(boto3_kinesis(self.sidecar.kinesis_url), "invoices"):
            invoice = json.loads(record["Data"])
            order, _, _ = self.orders[invoice["order"]]
            assert invoice == {
                "order": order["order"], "customer": order["customer"], "total": order["quantity"] * order["price"]}
            assert record["PartitionKey"] == order["customer"]
            counts[order["order"]] += 1
        return counts

    def acknowledged(self):
        """The numbers of the orders that the group's checkpoints cover."""
        answer = self.sidecar.get("/streams/orders/checkpoints?consumerGroup=billing")
        assert answer.status == 200, answer
        reached = {
            shard["shardId"]: int(shard.get("sequenceNumber") or 0) for shard in answer.json["shards"]}
        return {number for number, (_, shard, place) in self.orders.items() if place <= reached.get(shard, 0)}

    def wait_for_all(self):
        """Until each order has an invoice and is acknowledged; returns how many each has."""

        def all_done():
            self.example.is_running()
            counts = self.invoices()
            return counts.keys() == self.orders.keys() and len(self.acknowledged()) == len(self.orders) and counts

        return eventually(all_done, 30, every=0.1, why=f"every order has an invoice; {self.example.said}")

    def slow_down(self):
        """Each put of invoices takes a while, so that whatever happens, happens to an event in hand."""
        self.sidecar.fault("delay", operation="PutRecords", stream="invoices", milliseconds=250, count=-1)

    def wait_for_some(self, orders):
        """Until some of these orders have their invoices and some have not."""

        def some():
            return 0 < len(self.invoices().keys() & set(orders)) < len(orders)

        eventually(some, 30, every=0.01, why=f"the example is in the middle of it; {self.example.said}")



def repeated(counts):
    return {order for order, count in counts.items() if count > 1}


def test_every_order_gets_one_invoice(shop):
    shop.order(100)
    shop.example.start()
    assert not repeated(shop.wait_for_all())
    shop.order(50)
    assert not repeated(shop.wait_for_all())
    assert shop.example.terminate(within=5) == 0, "SIGTERM, while there is nothing to do"


def test_a_killed_example_repeats_only_what_it_had_not_acknowledged(shop):
    shop.slow_down()
    shop.example.start()
    shop.order(5)
    shop.wait_for_all()
    orders = []
    for _ in range(6):
        orders += shop.order(5)
    shop.wait_for_some(orders)
    shop.example.kill()
    done = shop.acknowledged()
    shop.example.start()
    shop.order(20)
    assert not repeated(shop.wait_for_all()) & done


def test_an_example_goes_on_when_its_killed_sidecar_is_back(shop):
    shop.slow_down()
    shop.example.start()
    orders = [*shop.order(30)]
    shop.wait_for_some(orders)
    # Stands still, so that what the sidecar finds acknowledged when it is back is what was when it was killed.
    shop.example.signal_all(signal.SIGSTOP)
    shop.sidecar.kill()
    shop.sidecar.start()
    done = shop.acknowledged()
    shop.sidecar.kill()
    shop.example.signal_all(signal.SIGCONT)
    eventually(lambda: shop.example.said, 20, why="it says that nobody is there")
    shop.sidecar.start()
    shop.order(20)
    assert not repeated(shop.wait_for_all()) & done


def test_a_terminated_example_finishes_the_event_in_hand(shop):
    shop.slow_down()
    shop.example.start()
    orders = [*shop.order(30)]
    shop.wait_for_some(orders)
    assert shop.example.terminate(within=10) == 0, shop.example.said
    assert shop.invoices().keys() == shop.acknowledged(), "what it had begun, it has finished"
    shop.example.start()
    shop.order(20)
    assert not repeated(shop.wait_for_all())


def test_an_example_that_waits_for_its_sidecar_stops_when_it_is_told_to(shop):
    shop.sidecar.kill()
    shop.example.start()
    eventually(lambda: shop.example.said, 20, why="it says that nobody is there")
    shop.example.is_running()
    assert shop.example.terminate(within=9) == 0, shop.example.said


def test_a_refusal_that_does_not_pass_ends_it(shop):
    shop.example.environment["STREAM"] = "no stream's name"
    shop.example.start()
    assert shop.example.process.wait(20) not in (0, None)
    assert "badStreamName" in shop.example.said
