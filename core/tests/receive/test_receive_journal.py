"""The log of associations: a line for each, and not more than somebody can read."""

import attrs

from hilum_core.dicom.reception import AssociationReport, Ending
from hilum_core.receive import journal
from hilum_core.receive.journal import Journal

STRANGER = AssociationReport(
    calling_ae="NOBODY",
    called_ae="HILUM",
    address="192.0.2.1",
    peer=None,
    stored=0,
    refused=0,
    data_bytes=0,
    seconds=0.1,
    ending=Ending.REJECTED,
    text="calling AE title not recognised",
)
PEER = attrs.evolve(
    STRANGER, calling_ae="CT1", peer="ct1", stored=3, data_bytes=1000, ending=Ending.RELEASED, text=""
)
SILENT = attrs.evolve(STRANGER, calling_ae="", called_ae="", ending=Ending.LOST)


class Lines(list):
    """Takes what is logged, but for what only `--log-level debug` shows."""

    def info(self, event, **fields):
        self.append(("info", event, fields))

    def warning(self, event, **fields):
        self.append(("warning", event, fields))

    def debug(self, event, **fields):
        pass


def written(reports):
    """The lines of one period with these reports."""
    now = [0.0]
    lines = Lines()
    notes = Journal(lines, clock=lambda: now[0])
    for report in reports:
        notes.note(report)
    now[0] += journal.PERIOD_S
    notes.tick()
    return lines


def test_each_association_of_a_peer_has_a_line():
    lines = written([PEER] * 10)
    assert [line[:2] for line in lines] == [("info", "association ended")] * 10


def test_of_a_peer_that_has_many_the_rest_has_one_line_with_the_sums():
    *single, last = written([PEER] * (journal.LINES_OF_A_PEER + 50))
    assert len(single) == journal.LINES_OF_A_PEER
    level, event, fields = last
    assert (level, event) == ("info", "a peer had more associations than are listed")
    assert (fields["peer"], fields["count"], fields["stored"]) == ("ct1", 50, 150)


def test_a_stranger_that_knocks_a_thousand_times_has_few_lines():
    *single, last = written([STRANGER] * 1000)
    assert len(single) == journal.LINES_OF_AN_ADDRESS
    level, event, fields = last
    assert (level, event) == ("warning", "more strangers came than are listed")
    assert fields["count"] == 1000 - journal.LINES_OF_AN_ADDRESS
    assert (fields["most_from"], fields["of_these"]) == ("192.0.2.1", 1000)


def test_strangers_from_everywhere_have_few_lines_together_and_take_none_of_a_peers():
    many = [attrs.evolve(STRANGER, address=f"10.0.{n // 250}.{n % 250}") for n in range(3000)]
    lines = written([*many, PEER])
    assert sum(fields.get("peer") == "ct1" for _, _, fields in lines) == 1
    assert len(lines) == journal.LINES_OF_STRANGERS + 2


def test_checks_of_the_port_have_no_line_and_a_crowd_that_says_nothing_has_one():
    assert written([SILENT] * (journal.SILENT_WORTH_A_LINE - 1)) == []
    (line,) = written([SILENT] * journal.SILENT_WORTH_A_LINE)
    assert line[2]["silent"] == journal.SILENT_WORTH_A_LINE
