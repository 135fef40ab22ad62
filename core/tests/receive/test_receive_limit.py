"""The limit of associations is that of the router, however many processes receive."""

from __future__ import annotations

from pynetdicom import AE

from hilum_core.testing.router import running_router

VERIFICATION = "1.2.840.10008.1.1"
PEER = '[peers.ct]\nae_title = "CT"\nhost = "127.0.0.1"\n'


def test_one_peer_does_not_get_the_places_of_the_others(tmp_path):
    two = PEER + "most_associations = 1\n" + '[peers.mr]\nae_title = "MR"\nhost = "127.0.0.1"\n'
    with running_router(tmp_path, two, most_associations=3, receive_processes=2) as router:
        router.wait_until(lambda: len(router.processes().get("receive", ())) == 2)
        callers = [AE(title) for title in ("CT", "CT", "MR", "MR", "MR")]
        for caller in callers:
            caller.add_requested_context(VERIFICATION)
        open_ones = [caller.associate("127.0.0.1", router.port, ae_title="HILUM") for caller in callers]
        assert [one.is_established for one in open_ones] == [True, False, True, True, False]
        for association in open_ones:
            if association.is_established:
                association.release()


def test_processes_that_receive_share_the_limit(tmp_path):
    with running_router(tmp_path, PEER, most_associations=2, receive_processes=2) as router:
        router.wait_until(lambda: len(router.processes().get("receive", ())) == 2)
        caller = AE("CT")
        caller.add_requested_context(VERIFICATION)
        first = caller.associate("127.0.0.1", router.port, ae_title="HILUM")
        others = [caller.associate("127.0.0.1", router.port, ae_title="HILUM") for _ in range(3)]
        assert [association.is_established for association in (first, *others)] == [True, True, False, False]
        for association in (first, *others):
            if association.is_established:
                association.release()
