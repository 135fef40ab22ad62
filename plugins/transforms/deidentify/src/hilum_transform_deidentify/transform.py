"""What the transform does with an object: judge it, clean it, mark it; and look at what came of it."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from hilum_sdk import ComponentContext, ConfigError, Draft, Hold, Item, Transform
from hilum_sdk.elements.encoding import EXPLICIT_VR_BIG_ENDIAN
from hilum_transform_deidentify.cleaning import Cleaning, Identity
from hilum_transform_deidentify.codestreams import strip_pixels
from hilum_transform_deidentify.config import DeidentifyConfig
from hilum_transform_deidentify.dummies import DUMMY_TEXTS
from hilum_transform_deidentify.identity import Keys, Subjects, UidMap, subject_of
from hilum_transform_deidentify.judging import reason_to_hold
from hilum_transform_deidentify.marks import mark
from hilum_transform_deidentify.options import Option
from hilum_transform_deidentify.private import PrivateElements
from hilum_transform_deidentify.profile import PATIENT_ID, Profile
from hilum_transform_deidentify.reading import text_at
from hilum_transform_deidentify.structured import ContentRules
from hilum_transform_deidentify.verification import Verifier

_SOP_CLASS_UID = 0x00080016
_STUDY_INSTANCE_UID = 0x0020000D
_DIRECTORY = "1.2.840.10008.1.3.10"


class DeidentifyTransform(Transform):
    """De-identifies to PS3.15 Annex E."""

    config: DeidentifyConfig

    def __init__(self, config: DeidentifyConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._options = config.options
        self._profile = Profile(self._options)
        self._allow = frozenset(config.allow)
        self._verifier = Verifier(self._profile.kind_of, without=(*config.allowed_words, *DUMMY_TEXTS))
        self._keys: Keys | None = None

    def open(self) -> None:
        """Read the secret."""
        keys = self._read_keys()
        self._uids = UidMap(keys.uids)
        self._subjects = Subjects(keys, self.config.most_days)
        self._keys = keys

    def probe(self) -> None:
        """Say whether the secret is there and long enough."""
        self._read_keys()

    def apply(self, draft: Draft) -> Hold | None:
        """De-identify the draft; what cannot be judged is held."""
        if self._keys is None:
            self.open()
        elements = draft.elements
        sop_class_uid = text_at(elements, (_SOP_CLASS_UID,)) or draft.instance.sop_class_uid
        hold = _is_directory(sop_class_uid) or reason_to_hold(
            elements,
            sop_class_uid=sop_class_uid,
            transfer_syntax_uid=draft.transfer_syntax_uid,
            allow=self._allow,
        )
        if hold is not None:
            return hold
        subject = subject_of(elements)
        identity = Identity(
            uids=self._uids, code=self._subjects.code(subject), days=self._subjects.days(subject)
        )
        cleaning = Cleaning(
            self._profile.treatments(sop_class_uid),
            identity,
            private=PrivateElements(
                is_option=Option.SAFE_PRIVATE in self._options, keeps_uids=Option.UIDS in self._options
            ),
            content=ContentRules(self._options) if Option.STRUCTURED_CONTENT in self._options else None,
        )
        cleaning.clean(elements, is_big_endian=draft.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN)
        if elements.get((_STUDY_INSTANCE_UID,)) is not None and elements.get((PATIENT_ID,)) is None:
            # Without one, a destination would take the studies of many subjects for one patient's.
            elements.put((PATIENT_ID,), "LO", identity.code.encode())
        mark(elements, self._options)
        if images := strip_pixels(draft):
            draft.note("removed images", count=images)
        for code in sorted(cleaning.counts):
            draft.note(code, count=cleaning.counts[code])
        return None

    def verify(self, original: Draft, rendered: Item) -> Sequence[Hold]:
        """Look for what identifies in what leaves, whatever made it so."""
        if self._keys is None:
            self.open()
        code = self._subjects.code(subject_of(original.elements))
        return self._verifier.holds(original, rendered, own=(code,), scratch_dir=self.context.data_dir)

    def fingerprint(self) -> str:
        """Stand for the secret, which is no part of the config; nobody can go back from it."""
        keys = self._keys or self._read_keys()
        return hmac.digest(keys.uids, b"fingerprint\0" + keys.dates + keys.subjects, "sha256")[:8].hex()

    def _read_keys(self) -> Keys:
        try:
            return Keys.of(self.config.secret.reveal().encode())
        except ValueError as error:
            raise ConfigError(f"{self.context.label}.secret: {error}") from None


def _is_directory(sop_class_uid: str) -> Hold | None:
    if sop_class_uid != _DIRECTORY:
        return None
    return Hold(
        code="directory",
        reason="a directory of files (DICOMDIR) names files by their places, and these do not go with it; "
        "have a directory made of what arrived, or route the class elsewhere",
    )
