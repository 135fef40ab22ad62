"""The settings of the sink."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from hilum_sdk import PeerName, about
from hilum_sdk.config import ae_title, positive
from hilum_sink_dicom.statuses import Meaning, check_patterns


@attrs.frozen(kw_only=True)
class DicomConfig:
    """To whom, as whom, and how long an association is kept. Host, port and TLS are the peer's."""

    peer: PeerName = attrs.field(
        metadata=about("The node to send to, by its name under [peers].", example='"pacs"')
    )
    calling_ae: str | None = attrs.field(
        default=None,
        validator=ae_title,
        metadata=about("The AE title to call as, where it is not the router's own.", example='"HILUM_CT"'),
    )
    idle: timedelta = attrs.field(
        default=timedelta(seconds=5),
        validator=positive,
        metadata=about("How long an association stays open when nothing waits to be sent."),
    )
    connect_timeout: timedelta = attrs.field(
        default=timedelta(seconds=10),
        validator=positive,
        metadata=about("How long to wait for the connection."),
    )
    association_timeout: timedelta = attrs.field(
        default=timedelta(seconds=30),
        validator=positive,
        metadata=about("How long to wait for the answer to the request for an association."),
    )
    send_timeout: timedelta = attrs.field(
        default=timedelta(minutes=1),
        validator=positive,
        metadata=about("How long the node may take nothing of what is sent."),
    )
    response_timeout: timedelta = attrs.field(
        default=timedelta(minutes=2),
        validator=positive,
        metadata=about(
            "How long to wait for the answer to an object once it is sent; a second more for each MiB."
        ),
    )
    statuses: Mapping[str, Meaning] = attrs.field(
        factory=dict,
        validator=check_patterns,
        metadata=about(
            "What an answer of this node means, where it means something else than the standard says.",
            example='{ A900 = "retry", "Cxxx" = "dead" }',
        ),
    )
    reencode: bool = attrs.field(
        default=True,
        metadata=about(
            "Whether an uncompressed object may be sent in another uncompressed transfer syntax where the "
            "node does not accept its own; false: then it is not sent."
        ),
    )
