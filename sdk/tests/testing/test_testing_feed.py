"""The lane of the tests behaves as the core's."""

from datetime import timedelta

import pytest

from hilum_sdk import BatchSink, DestinationUnavailable, Receipt, TemporaryError
from hilum_sdk.testing import FakeContext, FakeNode, ListFeed, item_from, make_object


@pytest.fixture
def items(tmp_path):
    return [item_from(make_object(tmp_path, seed=seed, rows=4)) for seed in range(4)]


class Scripted(BatchSink):
    """A sink that does what a test says, one step for each call."""

    def __init__(self, *steps):
        self._steps = list(steps)

    def deliver(self, feed):
        self._steps.pop(0)(feed)


def _take_all(feed):
    while batch := feed.take(most_items=3):
        for item in batch:
            feed.begin(item)
            feed.delivered(item, Receipt(status=0))


def test_items_come_in_order_and_are_settled_once(items):
    feed = ListFeed(items)
    assert feed.serve(Scripted(_take_all)) is None
    assert list(feed.receipts) == [item.id for item in items]
    assert feed.waiting == 0


def test_needs_are_told_without_claiming(items):
    feed = ListFeed(items)
    (need,) = feed.needs()
    assert need.waiting == 4
    assert need.transfer_syntaxes == items[0].transfer_syntaxes
    assert feed.waiting == 4


def test_a_batch_is_bounded_by_items_and_bytes(items):
    feed = ListFeed(items)
    assert len(feed.take(most_items=2)) == 2
    assert len(feed.take(most_items=9, most_bytes=1)) == 1
    assert feed.take(wait=timedelta(hours=1), most_items=9) == [items[3]]
    assert feed.take(wait=timedelta(hours=1)) == []


def test_what_was_begun_fails_with_what_the_sink_raised_and_the_rest_waits(items):
    def raise_in_the_middle(feed):
        first, second, _ = feed.take(most_items=3)
        feed.begin(first)
        feed.delivered(first)
        feed.begin(second)
        raise error

    error = DestinationUnavailable("gone")
    feed = ListFeed(items)
    assert feed.serve(Scripted(raise_in_the_middle)) is error
    assert feed.errors == {items[1].id: error}
    assert [item.id for item in feed.take(most_items=9)] == [items[2].id, items[3].id]


@pytest.mark.parametrize(
    "step",
    [
        lambda feed: feed.take(),
        lambda feed: [feed.delivered(item) or feed.delivered(item) for item in feed.take()],
        lambda feed: [feed.failed(item, ValueError("x")) for item in feed.take()],
        lambda feed: [feed.give_back(item) for _ in range(9) for item in feed.take()],
    ],
    ids=["left in hand", "settled twice", "failed with any error", "given back for ever"],
)
def test_what_no_sink_may_do_is_told(items, step):
    feed = ListFeed(items)
    try:
        error = feed.serve(Scripted(step))
    except AssertionError as raised:
        error = raised
    assert isinstance(error, AssertionError)


def test_a_sink_that_settles_nothing_is_not_called_for_ever(items):
    with pytest.raises(AssertionError, match="settles nothing"):
        ListFeed(items).serve(Scripted(*[lambda feed: None] * 200))


# ---- the context


def test_a_context_keeps_what_is_logged_and_its_time_stands(tmp_path):
    context = FakeContext(tmp_path, label="sinks.x")
    context.logger.info("said %s", "this")
    context.logger.error("failed", exc_info=ValueError("that"))
    assert context.log_lines[0] == "said this"
    assert "ValueError: that" in context.log_lines[1]
    before = context.now()
    context.sleep(timedelta(minutes=5))
    assert context.now() - before == timedelta(minutes=5)
    assert context.data_dir.is_dir()
    assert not context.stopping()
    with pytest.raises(LookupError):
        _ = context.dicom


# ---- the node


def test_a_node_keeps_what_it_takes_and_answers_as_told(items):
    node = FakeNode(accepts=lambda sop_class_uid, syntax: syntax.endswith(".1"))
    node.answers.append(TemporaryError("busy"))
    needs = ListFeed(items).needs()
    with node.associate("pacs", needs, calling_ae="ME") as association:
        (_sop_class_uid, syntaxes), *_ = association.accepted.items()
        assert syntaxes == {"1.2.840.10008.1.2.1"}
        with pytest.raises(TemporaryError):
            association.store(items[0], "1.2.840.10008.1.2.1")
        assert association.store(items[0], "1.2.840.10008.1.2.1") == Receipt(status=0)
        association.echo()
        with pytest.raises(AssertionError):
            association.store(items[0], "1.2.840.10008.1.2")
    with pytest.raises(AssertionError):
        association.echo()
    assert [arrival.sop_instance_uid for arrival in node.arrivals] == [items[0].sop_instance_uid]


def test_a_node_breaks_associations_and_goes_down(items):
    node = FakeNode()
    node.answers.append(DestinationUnavailable("cable"))
    with node.associate("pacs", ListFeed(items).needs()) as association:
        with pytest.raises(DestinationUnavailable):
            association.store(items[0], items[0].transfer_syntax_uid)
        with pytest.raises(AssertionError):
            association.store(items[0], items[0].transfer_syntax_uid)
    node.is_down = True
    with pytest.raises(DestinationUnavailable), node.associate("pacs", ListFeed(items).needs()):
        pass
