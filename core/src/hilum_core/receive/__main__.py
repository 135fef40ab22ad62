"""The process of RECEIVE: `python -m hilum_core.receive`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

from hilum_core.clock import microseconds
from hilum_core.config import Reception, RouterTls, load_reception
from hilum_core.credentials import ServerTls
from hilum_core.dicom.acceptor import AcceptorSettings
from hilum_core.dicom.places import SharedPlaces
from hilum_core.dicom.server import AcceptorServer, TlsListener
from hilum_core.incarnation import Incarnation
from hilum_core.log import get_logger
from hilum_core.queue import GroupCommit, QueueDamaged, QueueUnavailable, ring
from hilum_core.receive.gatekeeper import PeerGatekeeper
from hilum_core.receive.journal import Journal
from hilum_core.receive.objects import SpoolReceiver
from hilum_core.receive.reconciling import start_reconciling
from hilum_core.receive.retiring import Retirement
from hilum_core.revisions import read
from hilum_core.spool import Spool, open_spool
from hilum_core.spool.ids import first_id_of
from hilum_core.stage import StageArguments, open_queue, run_stage, start

_log = get_logger("receive")


def main() -> None:
    """Accept associations until told to stop, then let open ones finish what they are at."""
    retiring = Retirement()
    arguments, stopping = start(sys.argv[1:], stage="receive")
    reception = load_reception(read(arguments.state_dir, arguments.revision), source="revision")
    incarnation = Incarnation.claim(arguments.state_dir, "receive")
    spool = open_spool(
        arguments.state_dir,
        incarnation.number,
        refuse_below_free=reception.router.refuse_below_free,
        last_id=last_known_id(arguments.state_dir, incarnation),
    )
    start_reconciling(
        spool,
        lambda: open_queue(arguments.state_dir, incarnation.number),
        on_found=lambda: ring(arguments.state_dir, "route"),
        stopping=stopping,
    )
    commits = GroupCommit(
        lambda: open_queue(arguments.state_dir, incarnation.number),
        on_commit=lambda: ring(arguments.state_dir, "route"),
        on_trouble=lambda text: _log.error("the queue cannot be written, trying on", reason=text),
    )
    serve(arguments, reception, spool, commits, stopping=stopping, retiring=retiring)
    commits.close()
    incarnation.close()


def serve(
    arguments: StageArguments,
    reception: Reception,
    spool: Spool,
    commits: GroupCommit,
    *,
    stopping: Callable[[], bool],
    retiring: Callable[[], bool],
) -> None:
    """Serve associations on the socket that the supervisor bound.

    Once `retiring`, open ones go on as long as their callers want, and no more are taken.
    """
    router = reception.router
    journal = Journal(_log)
    journal.start()
    server = AcceptorServer(
        socket.socket(fileno=arguments.listen_fd),
        gatekeeper=PeerGatekeeper(router, reception.peers, out_of_space=spool.is_out_of_space),
        receiver=SpoolReceiver(spool, commits),
        settings=AcceptorSettings(idle_s=router.idle_timeout.total_seconds()),
        places=SharedPlaces(arguments.state_dir / "run" / "places", router.most_associations),
        on_report=journal.note,
        is_shared=router.receive_processes > 1,
        tls=tls_listener(arguments, router.tls),
    )
    server.serve(lambda: stopping() or retiring())
    server.see_off(stopping)
    server.drain(arguments.stop_within_s)
    journal.close()


def tls_listener(arguments: StageArguments, tls: RouterTls | None) -> TlsListener | None:
    """The port for TLS, if there is one. Certificates are read when callers come: they may be renewed."""
    if tls is None or arguments.listen_tls_fd < 0:
        return None
    context = ServerTls(
        tls,
        on_trouble=lambda text: _log.error("TLS cannot use the certificate as it is", reason=text),
        on_renewal=lambda: _log.info("took a renewed certificate"),
    )
    context()
    return TlsListener(socket.socket(fileno=arguments.listen_tls_fd), context)


def last_known_id(state_dir: Path, incarnation: Incarnation) -> str | None:
    """The greatest id that the queue knows; None if it knows none, or cannot say now."""
    try:
        queue = open_queue(state_dir, incarnation.number)
        try:
            last = queue.last_object_id()
            # What is older than this is taken for that of a queue that was lost (see `reconcile`).
            return max(last, first_id_of(microseconds(queue.trusted_since()))) if last else None
        finally:
            queue.close()
    except (
        QueueUnavailable,
        QueueDamaged,
    ) as error:  # reception does not wait for it: the ids on the disk do, almost always
        _log.warning("the queue cannot say which ids it has", reason=error.message)
        return None


if __name__ == "__main__":
    run_stage(main)
