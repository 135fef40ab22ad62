"""What is offered and what is accepted."""

import attrs
import pytest
from pynetdicom import sop_class

from hilum_core.dicom.acceptance import accept_request, reject_request, user_name
from hilum_core.dicom.contexts import MOST_CONTEXTS, answer_contexts, is_storage, offer_contexts
from hilum_core.dicom.negotiation import (
    AssociateRequest,
    ProposedContext,
    UserIdentity,
    UserInformation,
    encode_associate_ac,
)
from hilum_core.dicom.reception import AcceptorSettings, Admission
from hilum_sdk import ContextNeed

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
VERIFICATION = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.70"


def registered():
    """Every SOP class that pynetdicom knows, and whether it is of a storage service."""
    storing = {"_STORAGE_CLASSES", "_NON_PATIENT_OBJECT_CLASSES"}
    for name, classes in vars(sop_class).items():
        if name.endswith("_CLASSES") and isinstance(classes, dict):
            for keyword, uid in classes.items():
                if isinstance(uid, str):
                    yield pytest.param(uid, name in storing, id=keyword)


@pytest.mark.parametrize(("uid", "stores"), list(registered()))
def test_storage_is_what_pynetdicom_has_under_storage(uid, stores):
    assert is_storage(uid) == stores


@pytest.mark.parametrize("uid", ["1.2.3.4.5", "1.3.46.670589.11.0.0.12.1", "1.2.840.10008.5.1.4.1.1.40"])
def test_private_unknown_and_unnamed_sop_classes_are_storage(uid):
    assert is_storage(uid)


@pytest.mark.parametrize("uid", [EXPLICIT, "1.2.840.10008.1.20.1.1", "1.2.840.10008.3.1.1.1"])
def test_registered_uids_that_are_no_sop_class_are_not_storage(uid):
    assert not is_storage(uid)


def proposed(number, abstract, *syntaxes):
    return ProposedContext(context_id=number, abstract_syntax=abstract, transfer_syntaxes=syntaxes)


def answers(*contexts, may_store=True, may_echo=True, preference=()):
    found = answer_contexts(contexts, may_store=may_store, may_echo=may_echo, preference=preference)
    return [
        (answer.context_id, answer.result, answer.transfer_syntax if not answer.result else None)
        for answer in found
    ]


@pytest.mark.parametrize(
    ("context", "result"),
    [
        (proposed(1, CT, EXPLICIT), 0),
        (proposed(255, "1.2.3.4", "1.2.3.5"), 0),
        (proposed(1, VERIFICATION, IMPLICIT), 0),
        (proposed(2, CT, EXPLICIT), 2),
        (proposed(0, CT, EXPLICIT), 2),
        (proposed(1, FIND, EXPLICIT), 3),
        (proposed(1, "", EXPLICIT), 3),
        (proposed(1, "not a uid", EXPLICIT), 3),
        (proposed(1, "1." * 40, EXPLICIT), 3),
        (proposed(1, CT), 4),
        (proposed(1, CT, "", "not a uid"), 4),
    ],
)
def test_each_context_is_answered_by_itself(context, result):
    good = proposed(7, MR, EXPLICIT)
    assert [answer[1] for answer in answers(context, good)] == [result, 0]


def test_what_the_peer_may_not_is_refused_by_the_user():
    both = (proposed(1, CT, EXPLICIT), proposed(3, VERIFICATION, IMPLICIT))
    assert answers(*both, may_store=False) == [(1, 1, None), (3, 0, IMPLICIT)]
    assert answers(*both, may_echo=False) == [(1, 0, EXPLICIT), (3, 1, None)]


def test_an_id_proposed_twice_is_answered_once_for_the_first():
    assert answers(proposed(1, CT, EXPLICIT), proposed(1, FIND, EXPLICIT)) == [(1, 0, EXPLICIT)]


@pytest.mark.parametrize(
    ("syntaxes", "preference", "chosen"),
    [
        ((IMPLICIT, EXPLICIT), (), EXPLICIT),
        ((JPEG, IMPLICIT), (), IMPLICIT),
        ((BIG, JPEG), (), BIG),
        ((JPEG, BIG), (), JPEG),
        ((EXPLICIT, IMPLICIT, JPEG), (JPEG, IMPLICIT), JPEG),
        ((EXPLICIT, IMPLICIT), (JPEG, IMPLICIT), IMPLICIT),
        ((BIG, EXPLICIT), (JPEG,), BIG),
    ],
)
def test_the_transfer_syntax_is_chosen_by_preference_then_by_the_requestors_order(
    syntaxes, preference, chosen
):
    assert answers(proposed(1, CT, *syntaxes), preference=preference) == [(1, 0, chosen)]


def request(**user):
    return AssociateRequest(
        called_ae="HILUM",
        calling_ae="CT1",
        contexts=(proposed(1, CT, EXPLICIT),),
        user=UserInformation(max_pdu_bytes=16384, **user),
        names=b"x" * 64,
    )


def accept(asked, **admission):
    return accept_request(asked, Admission(peer="ct1", **admission), AcceptorSettings())


def test_no_common_context_is_still_an_acceptance():
    accepted = accept(request(), may_store=False)
    assert [context.result for context in accepted.contexts] == [1]
    assert accepted.names == b"x" * 64


def test_the_scu_role_is_granted_and_the_scp_role_is_not():
    assert accept(request(roles={CT: (True, True)})).user.roles == {CT: (True, False)}


def test_roles_are_answered_for_accepted_sop_classes_only_so_that_the_answer_stays_small():
    asked = request(roles={CT: (True, False), "\\xff" * 20_000: (True, False), "1.2.3": (True, False)})
    twice = attrs.evolve(asked, contexts=(*asked.contexts, proposed(1, "\\xff" * 20_000, EXPLICIT)))
    for one in (asked, twice):
        accepted = accept(one)
        assert accepted.user.roles == {CT: (True, False)}
        assert len(encode_associate_ac(accepted)) < 1000


def test_a_user_name_of_any_length_is_recorded_as_far_as_it_is_sensible():
    identity = UserIdentity(type=1, wants_response=False, primary=b"\xff" * 60_000)
    assert len(user_name(identity)) == 256


def test_extended_negotiation_is_not_answered():
    assert accept(request(extended={CT: b"\2\0\3\0\1\0"})).user.extended == {}


@pytest.mark.parametrize(
    ("kind", "wants", "response"),
    [(1, True, b""), (2, True, b""), (1, False, None), (3, True, None), (5, True, None)],
)
def test_a_user_name_is_answered_if_wanted_and_tokens_are_not(kind, wants, response):
    identity = UserIdentity(type=kind, wants_response=wants, primary=b"alice")
    assert accept(request(user_identity=identity)).user.identity_response == response
    assert user_name(identity) == ("alice" if kind in {1, 2} else None)


@pytest.mark.parametrize(
    ("version", "context", "reason"), [(2, None, (1, 2, 2)), (1, "1.2.3", (1, 1, 2)), (3, None, None)]
)
def test_another_protocol_is_rejected_with_its_reason(version, context, reason):
    asked = request()
    changed = AssociateRequest(
        called_ae=asked.called_ae,
        calling_ae=asked.calling_ae,
        contexts=asked.contexts,
        user=asked.user,
        protocol_version=version,
        application_context=context or asked.application_context,
    )
    rejection = reject_request(changed)
    assert (rejection and (rejection.result, rejection.source, rejection.reason)) == reason


def pairs(offer):
    return [(context.context_id, context.abstract_syntax, *context.transfer_syntaxes) for context in offer]


def test_each_transfer_syntax_is_offered_in_a_context_of_its_own_originals_first():
    needs = [
        ContextNeed(sop_class_uid=CT, transfer_syntaxes=(JPEG, EXPLICIT)),
        ContextNeed(sop_class_uid=MR, transfer_syntaxes=(BIG, EXPLICIT, IMPLICIT)),
    ]
    assert pairs(offer_contexts(needs)) == [
        (1, CT, JPEG),
        (3, MR, BIG),
        (5, CT, EXPLICIT),
        (7, MR, EXPLICIT),
        (9, MR, IMPLICIT),
    ]


def test_the_same_need_twice_is_offered_once():
    need = ContextNeed(sop_class_uid=CT, transfer_syntaxes=(EXPLICIT,))
    again = ContextNeed(sop_class_uid=CT, transfer_syntaxes=(EXPLICIT, IMPLICIT))
    assert pairs(offer_contexts([need, again])) == [(1, CT, EXPLICIT), (3, CT, IMPLICIT)]


def test_where_128_contexts_do_not_suffice_no_first_choice_is_left_out_for_a_second():
    needs = [
        ContextNeed(sop_class_uid=f"1.2.3.{number}", transfer_syntaxes=(EXPLICIT, IMPLICIT))
        for number in range(100)
    ]
    offered = pairs(offer_contexts(needs))
    assert len(offered) == MOST_CONTEXTS
    assert {abstract for _, abstract, syntax in offered if syntax == EXPLICIT} == {
        n.sop_class_uid for n in needs
    }
    assert offered[-1][0] == 255
