"""Which associations the sink opens, what it proposes, and how it settles every object."""

from datetime import timedelta

import attrs
import pytest

from hilum_sdk import DestinationUnavailable, PermanentError, Receipt, RefusedError, TemporaryError
from hilum_sdk.config import structure
from hilum_sdk.testing import (
    TRANSFER_SYNTAXES,
    BreakingItem,
    FakeContext,
    FakeNode,
    ListFeed,
    item_from,
    make_object,
)
from hilum_sink_dicom.config import DicomConfig
from hilum_sink_dicom.sink import DicomSink

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, EXPLICIT, JPEG = (TRANSFER_SYNTAXES[name] for name in ("implicit", "explicit", "JPEG"))
BIG_ENDIAN = "1.2.840.10008.1.2.2"


class Lane:
    """A sink, the node it sends to, and the objects that wait for it."""

    def __init__(self, folder, node):
        self.node = node
        self.context = FakeContext(folder / "context", label="sinks.pacs", dicom=node)
        self._folder = folder
        self._made = 0

    def sink(self, **settings):
        return DicomSink(structure({"peer": "pacs", **settings}, DicomConfig), self.context)

    def item(self, sop_class_uid=CT, syntax=EXPLICIT):
        self._made += 1
        path = make_object(
            self._folder,
            seed=self._made,
            rows=4,
            transfer_syntax_uid=syntax,
            elements={"SOPClassUID": sop_class_uid},
        )
        return item_from(path)

    def serve(self, *items, **settings):
        feed = ListFeed(items)
        error = feed.serve(self.sink(**settings))
        return feed, error


@pytest.fixture
def lane(tmp_path):
    return Lane(tmp_path, FakeNode())


def _proposed(association):
    return {(need.sop_class_uid, syntax) for need in association.needs for syntax in need.transfer_syntaxes}


def test_one_association_serves_many_objects(lane):
    items = [lane.item(syntax=syntax) for syntax in TRANSFER_SYNTAXES.values() for _ in range(10)]
    feed, error = lane.serve(*items)
    assert error is None
    assert list(feed.receipts) == [item.id for item in items]
    assert len(lane.node.associations) == 1
    assert [a.transfer_syntax_uid for a in lane.node.arrivals] == [item.transfer_syntax_uid for item in items]


def test_calls_as_the_router_or_as_the_config_says(lane):
    lane.serve(lane.item())
    lane.serve(lane.item(), calling_ae="HILUM_CT")
    assert [association.calling_ae for association in lane.node.associations] == [None, "HILUM_CT"]


def test_probe_is_an_echo(lane):
    lane.sink().probe()
    assert lane.node.associations[0].echoes == 1
    lane.node.is_down = True
    with pytest.raises(DestinationUnavailable):
        lane.sink().probe()


def test_more_contexts_than_fit_take_several_associations(lane):
    items = [lane.item(f"1.2.3.{number}", JPEG) for number in range(300)]
    feed, error = lane.serve(*items)
    assert error is None
    assert len(feed.receipts) == 300
    assert [len(_proposed(association)) for association in lane.node.associations] == [128, 128, 46]


def test_what_is_proposed_always_fits(lane):
    lane.serve(*[lane.item(f"1.2.3.{number}", EXPLICIT) for number in range(150)])
    assert len(lane.node.arrivals) == 150
    assert all(len(_proposed(association)) <= 128 for association in lane.node.associations)


def test_what_comes_after_the_association_was_opened_gets_another(lane):
    feed = ListFeed([lane.item(CT)])
    late = [lane.item(MR)]
    store = feed.delivered

    def delivered(item, receipt):
        store(item, receipt)
        feed._waiting.extend(late)
        late.clear()

    feed.delivered = delivered
    assert feed.serve(lane.sink()) is None
    assert len(feed.receipts) == 2
    assert [MR in dict(_proposed(association)) for association in lane.node.associations] == [False, True]


def test_what_the_node_was_not_asked_for_yet_is_asked_for_rather_than_re_encoded(lane):
    feed = ListFeed([lane.item(syntax=EXPLICIT)])
    late = [lane.item(syntax=BIG_ENDIAN)]
    store = feed.delivered

    def delivered(item, receipt):
        store(item, receipt)
        feed._waiting.extend(late)
        late.clear()

    feed.delivered = delivered
    assert feed.serve(lane.sink()) is None
    assert [arrival.transfer_syntax_uid for arrival in lane.node.arrivals] == [EXPLICIT, BIG_ENDIAN]
    assert len(lane.node.associations) == 2


def test_an_object_that_the_node_does_not_take_is_dead_while_others_pass(lane):
    lane.node._accepts = lambda sop_class_uid, syntax: sop_class_uid == CT
    refused, taken = lane.item(MR), lane.item(CT)
    feed, error = lane.serve(refused, taken)
    assert error is None
    assert list(feed.receipts) == [taken.id]
    assert isinstance(feed.errors[refused.id], PermanentError)
    assert str(feed.errors[refused.id]) == (
        "pacs: accepts no presentation context for MR Image Storage in Explicit VR Little Endian, "
        "Implicit VR Little Endian, though it accepts others; let the node accept it, or send it elsewhere"
    )


def test_an_object_that_the_node_does_not_take_is_dead_even_if_it_waits_alone(lane):
    lane.node._accepts = lambda sop_class_uid, syntax: sop_class_uid == CT
    sink = lane.sink()
    assert ListFeed([lane.item(CT)]).serve(sink) is None
    feed = ListFeed([lane.item(MR)])
    assert feed.serve(sink) is None
    assert [type(error) for error in feed.errors.values()] == [PermanentError]


def test_a_node_that_takes_nothing_is_unavailable(lane):
    sink = lane.sink()
    assert ListFeed([lane.item(CT)]).serve(sink) is None
    lane.node._accepts = lambda sop_class_uid, syntax: False
    feed = ListFeed([lane.item(MR), lane.item(CT)])
    assert isinstance(feed.serve(sink), DestinationUnavailable)
    assert feed.errors == {}
    assert feed.waiting == 2


def test_a_compressed_object_is_never_sent_otherwise(lane):
    lane.node._accepts = lambda sop_class_uid, syntax: syntax != JPEG
    feed, _ = lane.serve(lane.item(syntax=JPEG), lane.item(syntax=EXPLICIT))
    assert [type(error) for error in feed.errors.values()] == [PermanentError]
    assert len(feed.receipts) == 1


def test_an_uncompressed_object_is_encoded_as_the_node_wants_it(lane):
    lane.node._accepts = lambda sop_class_uid, syntax: syntax == IMPLICIT
    item = lane.item(syntax=EXPLICIT)
    lane.serve(item)
    (arrival,) = lane.node.arrivals
    assert arrival.transfer_syntax_uid == IMPLICIT
    with item.data_set(IMPLICIT) as stream:
        assert arrival.data_set == stream.read()


def test_an_object_is_sent_as_it_is_where_the_node_takes_that(lane):
    lane.serve(*[lane.item(syntax=syntax) for syntax in TRANSFER_SYNTAXES.values()])
    assert [a.transfer_syntax_uid for a in lane.node.arrivals] == list(TRANSFER_SYNTAXES.values())


def test_reencode_false_sends_as_it_is_or_not_at_all(lane):
    lane.node._accepts = lambda sop_class_uid, syntax: syntax == IMPLICIT
    feed, error = lane.serve(lane.item(syntax=IMPLICIT), lane.item(syntax=EXPLICIT), reencode=False)
    assert error is None
    assert len(feed.receipts) == 1
    (failed,) = feed.errors.values()
    assert isinstance(failed, PermanentError)
    assert "in Explicit VR Little Endian, though" in str(failed)


# ---- what the node answers


def test_answers_settle_the_object_and_the_association_goes_on(lane):
    answers = [
        Receipt(status=0xB000, warning="coercion"),
        TemporaryError("out of resources", status=0xA700),
        RefusedError("does not match", status=0xA900),
        PermanentError("no"),
    ]
    lane.node.answers.extend(answers)
    items = [lane.item() for _ in range(5)]
    feed, error = lane.serve(*items)
    assert error is None
    assert feed.receipts == {items[0].id: answers[0], items[4].id: Receipt(status=0)}
    assert list(feed.errors.values()) == answers[1:]
    assert len(lane.node.associations) == 1


def test_a_node_that_is_down_rests_the_lane_and_spends_nothing(lane):
    lane.node.is_down = True
    feed, error = lane.serve(lane.item(), lane.item())
    assert isinstance(error, DestinationUnavailable)
    assert feed.errors == {}
    assert feed.waiting == 2


def test_a_broken_association_is_replaced_and_the_object_sent_again(lane):
    lane.node.answers.extend([Receipt(status=0), DestinationUnavailable("broke")])
    items = [lane.item() for _ in range(3)]
    feed, error = lane.serve(*items)
    assert error is None
    assert list(feed.receipts) == [item.id for item in items]
    assert len(lane.node.associations) == 2


def test_an_object_on_which_two_associations_break_counts_as_refused_and_others_pass(lane):
    lane.node.answers.extend([Receipt(status=0), DestinationUnavailable("a"), DestinationUnavailable("b")])
    items = [lane.item() for _ in range(4)]
    feed, error = lane.serve(*items)
    assert error is None
    assert list(feed.receipts) == [items[0].id, items[2].id, items[3].id]
    (refused,) = feed.errors.values()
    assert isinstance(refused, RefusedError)
    assert str(refused) == "pacs: two associations broke while this object was sent: b"


def test_a_node_on_which_all_associations_break_is_unavailable(lane):
    broken = [DestinationUnavailable(str(number)) for number in range(3)]
    lane.node.answers.extend(broken)
    items = [lane.item() for _ in range(3)]
    feed, error = lane.serve(*items)
    assert error is broken[2]
    assert list(feed.errors) == [items[0].id, items[1].id]  # one refused, one that was begun
    assert feed.errors[items[1].id] is broken[2]
    assert feed.waiting == 1
    assert len(lane.node.associations) == 3


def test_breaks_are_counted_from_call_to_call_until_something_is_answered(lane):
    sink = lane.sink()
    lane.node.answers.extend([DestinationUnavailable("x")] * 4)
    assert isinstance(ListFeed([lane.item(), lane.item()]).serve(sink), DestinationUnavailable)
    assert isinstance(ListFeed([lane.item()]).serve(sink), DestinationUnavailable)
    feed = ListFeed([lane.item(), lane.item()])
    assert feed.serve(sink) is None
    lane.node.answers.append(DestinationUnavailable("y"))
    assert ListFeed([lane.item()]).serve(sink) is None


def test_an_object_is_not_blamed_for_the_break_of_another_before_the_node_was_down(lane):
    sink, first, second = lane.sink(), lane.item(), lane.item()
    lane.node.answers.append(DestinationUnavailable("x"))

    class DownAtBreak(ListFeed):
        def begin(self, item):
            super().begin(item)
            lane.node.is_down = True

    assert isinstance(DownAtBreak([first]).serve(sink), DestinationUnavailable)
    lane.node.is_down = False
    lane.node.answers.append(DestinationUnavailable("y"))
    feed = ListFeed([second])
    assert feed.serve(sink) is None
    assert list(feed.receipts) == [second.id]


def test_an_object_that_cannot_be_read_is_put_off_and_others_go_over_a_new_association(lane):
    broken, whole = BreakingItem(lane.item(), after=100), lane.item()
    feed, error = lane.serve(broken, whole)
    assert error is None
    assert list(feed.receipts) == [whole.id]
    assert isinstance(feed.errors[broken.id], TemporaryError)
    assert str(feed.errors[broken.id]) == (
        "pacs: the object cannot be read from the router's disk (Input/output error)"
    )


def test_what_is_in_hand_is_given_back_when_the_router_stops(lane):
    items = [lane.item() for _ in range(5)]
    feed = ListFeed(items)
    delivered = feed.delivered

    def stop_after_the_first(item, receipt):
        delivered(item, receipt)
        lane.context.is_stopping = True

    feed.delivered = stop_after_the_first
    lane.sink().deliver(feed)
    assert list(feed.receipts) == [items[0].id]
    assert [item.id for item in feed.take(most_items=9)] == [item.id for item in items[1:]]


def test_nothing_to_send_opens_nothing(lane):
    lane.sink().deliver(ListFeed([]))
    assert lane.node.associations == []


def test_the_idle_time_is_how_long_it_waits_for_more(lane):
    waits = []

    @attrs.define
    class Waiting(ListFeed):
        def __init__(self, items):
            super().__init__(items)

        def take(self, *, wait=timedelta(0), most_items=1, most_bytes=None):
            waits.append(wait)
            return super().take(wait=wait, most_items=most_items, most_bytes=most_bytes)

    Waiting([lane.item()]).serve(lane.sink(idle="90s"))
    assert set(waits) == {timedelta(seconds=90)}
