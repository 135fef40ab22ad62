"""The process of one isolated filter: `python -m hilum_core.route.isolated --label filters.NAME`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hilum_core.log import describe_exception
from hilum_core.registry import Composed
from hilum_core.route.headers import check_needs, header_of, tags_to_read
from hilum_core.spool import SpoolDamage
from hilum_core.workers.isolated import IsolatedComponent, serve
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import unpack
from hilum_sdk import Filter, Instance
from hilum_sdk.elements import ElementsError


class IsolatedFilter(IsolatedComponent[Filter]):
    """Reads the header itself, from the spool: no more than its filter needs, and nothing is copied."""

    def about(self) -> Message:
        """See that headers can be read for it."""
        check_needs(self.component)
        self._needs = tags_to_read([self.component])
        return {}

    def answer(self, question: Message) -> tuple[Message, Sequence[int]]:
        """Say whether an object matches, or why it does or does not, or whether the filter could work."""
        if question["ask"] == "probe":
            with self.calling():
                self.component.probe()
            return {}, ()
        instance = unpack(question["instance"], Instance)
        try:
            header = header_of(Path(question["path"]), instance, self._needs)
        except (ElementsError, SpoolDamage) as error:
            return {"unreadable": str(error)}, ()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a header that breaks the reader is kept, not lost
            return {"unreadable": describe_exception(error)}, ()
        with self.calling():
            if question["ask"] == "explain":
                return {"explain": str(self.component.explain(header, instance))}, ()
            return {"matches": sound_answer(self.component.matches(header, instance))}, ()


def sound_answer(answer: object) -> bool:
    """Make sure of a filter's answer: one that forgets to give any must not send objects astray.

    Raises
    ------
    TypeError
        It is neither True nor False.
    """
    if not isinstance(answer, bool):
        raise TypeError("a filter answers True or False")
    return answer


def _make(session: WorkerSession, composed: Composed) -> IsolatedFilter:
    component = session.create(composed)
    assert isinstance(component, Filter)
    return IsolatedFilter(session, composed, component, session.config.router.filter_timeout.total_seconds())


if __name__ == "__main__":
    serve(sys.argv[1:], _make)
