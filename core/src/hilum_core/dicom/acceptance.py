"""How a request for an association is answered as a whole: pure decisions."""

from __future__ import annotations

from typing import Final

from hilum_core.dicom.contexts import ACCEPTED, answer_contexts
from hilum_core.dicom.negotiation import (
    APPLICATION_CONTEXT,
    USERNAME,
    USERNAME_AND_PASSCODE,
    AssociateAccept,
    AssociateRequest,
    UserIdentity,
    UserInformation,
)
from hilum_core.dicom.reception import AcceptorSettings, Admission, Rejection
from hilum_core.log import escape

_MOST_OF_A_NAME: Final = 256


def reject_request(request: AssociateRequest) -> Rejection | None:
    """Say whether the request is of a protocol that we do not speak."""
    if not request.protocol_version & 1:  # PS3.8 9.3.2: only bit 0 is looked at.
        return Rejection(result=1, source=2, reason=2, text="protocol version not supported")
    if request.application_context != APPLICATION_CONTEXT:
        return Rejection(result=1, source=1, reason=2, text="application context name not supported")
    return None


def accept_request(
    request: AssociateRequest, admission: Admission, settings: AcceptorSettings
) -> AssociateAccept:
    """Make the A-ASSOCIATE-AC for a request that is let in.

    Where no presentation context is accepted it is an A-ASSOCIATE-AC all the same: PS3.8 9.3.4 has no
    reason to reject for that, and the requestor learns for each context why.
    """
    contexts = answer_contexts(
        request.contexts,
        may_store=admission.may_store,
        may_echo=admission.may_echo,
        preference=admission.transfer_syntaxes,
    )
    # Of an ID that was proposed twice the first counts, as in `answer_contexts`.
    proposed = {one.context_id: one.abstract_syntax for one in reversed(request.contexts)}
    accepted = {proposed[one.context_id] for one in contexts if one.result == ACCEPTED}
    identity = request.user.user_identity
    return AssociateAccept(
        names=request.names,
        contexts=contexts,
        user=UserInformation(
            max_pdu_bytes=settings.max_pdu_bytes,
            # We are SCP of everything here: the SCP role is not for the requestor, and only that of a SOP
            # class in use is answered (PS3.7 D.3.3.4): who proposes 60 KB of others gets none back. SOP
            # Class Extended Negotiation is not answered, so the defaults of the service hold (D.3.3.5).
            roles={uid: (scu, False) for uid, (scu, _) in request.user.roles.items() if uid in accepted},
            identity_response=b"" if _is_taken_at_its_word(identity) else None,
        ),
    )


def _is_taken_at_its_word(identity: UserIdentity | None) -> bool:
    """Whether to answer that the user is known: names, for which the answer is empty (PS3.7 D.3.3.7.2).

    The name is recorded. Whether it is checked is the gatekeeper's to say, who rejects the request if it is
    wrong. Tickets and tokens would need a check of their own, so they get no answer, as from an acceptor
    that knows none of this.
    """
    return (
        identity is not None
        and identity.wants_response
        and identity.type in {USERNAME, USERNAME_AND_PASSCODE}
    )


def user_name(identity: UserIdentity | None) -> str | None:
    """The name that a requestor gave of its user, if it gave one, for the record: as far as it is sensible.

    It stands in the file of every object of the association.
    """
    if identity is None or identity.type not in {USERNAME, USERNAME_AND_PASSCODE}:
        return None
    return escape(identity.primary.decode("utf-8", "backslashreplace"))[:_MOST_OF_A_NAME]
