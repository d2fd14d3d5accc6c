"""The harness itself: what it takes for an event, and that moto stands."""

from harness.sse import EventParser


def test_events_comments_and_ids_are_told_apart():
    parser = EventParser()
    for line in ['retry: 1000', '', ': two shards', 'id: a-1', 'event: records', 'data: {"records":[]}', '']:
        parser.line(line)
    assert parser.retry == 1000 and parser.comments == ["two shards"]
    assert [(e.name, e.id, e.data) for e in parser.events] == [("records", "a-1", {"records": []})]


def test_moto_answers(moto_kinesis):
    assert "StreamNames" in moto_kinesis.list_streams()
