"""Lanes whose destination shows the wrong certificate, or none: it gets nothing, whatever waits for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt

from hilum_core.testing import running_router, send

LANE = """
[peers.{name}]
ae_title = "{name}"
host     = "localhost"
port     = {port}
tls      = {tls}
[sinks.{name}]
type = "dicom"
peer = "{name}"
[[routes]]
name  = "{name}"
sinks = ["{name}"]
"""


@contextmanager
def archive(context: ssl.SSLContext | None) -> Iterator[tuple[int, list[str]]]:
    """Run an archive of pynetdicom; its port, and what it has stored."""
    stored: list[str] = []

    def keep(event: evt.Event) -> int:
        stored.append(event.request.AffectedSOPInstanceUID)
        return 0

    ae = AE("PACS")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, ssl_context=context, evt_handlers=[(evt.EVT_C_STORE, keep)]
    )
    try:
        yield server.socket.getsockname()[1], stored
    finally:
        server.shutdown()


def test_a_lane_rests_and_sends_nothing_where_its_destination_is_not_the_one_we_mean(
    authority, stranger, make_object, tmp_path
):
    identity = authority.issue("pacs")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.certificate)
    context.load_cert_chain(identity.certificate, identity.key)
    with archive(context) as (port, stored), archive(None) as (plain_port, stored_plainly):
        lanes = {
            "host": (port, '{ server_name = "other.example" }'),
            "key": (port, f'{{ fingerprints = ["{"ab" * 32}"] }}'),
            "ca": (port, f'{{ ca = "{stranger.certificate}" }}'),
            "none": (plain_port, "true"),
            "right": (port, f'{{ fingerprints = ["{identity.fingerprint}"] }}'),
        }
        tls = authority.issue("router").table(authority.certificate)
        config = f'[peers.modality]\nae_title = "MODALITY"\nmay_send = true\n[router.tls]\n{tls}\n'
        config += "".join(
            LANE.format(name=name, port=port, tls=settings) for name, (port, settings) in lanes.items()
        )
        with running_router(tmp_path, config) as router:
            sent = make_object(tmp_path / "objects", 1)
            assert set(send([sent], router.port).values()) == {0}
            router.wait_until(lambda: router.deliveries("right", "delivered"), within_s=60)
            for name in set(lanes) - {"right"}:
                router.wait_until(lambda name=name: f"a lane rests sink={name} " in router.log(), within_s=60)
                (row,) = router.deliveries(name)
                assert (row.state, row.attempts) == ("ready", 0)
        assert (stored, stored_plainly) == ([sent.sop_instance_uid], [])
