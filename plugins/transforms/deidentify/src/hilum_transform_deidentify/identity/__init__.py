"""The identities under which objects leave: the same for all that hold one secret, and for nobody else.

Nothing here keeps a table. All is made anew from the secret each time, so two routers agree without
talking, and whoever has not the secret can neither go back nor make them.
"""

from hilum_transform_deidentify.identity.ages import capped
from hilum_transform_deidentify.identity.dates import shifted
from hilum_transform_deidentify.identity.keys import FEWEST_BYTES, Keys
from hilum_transform_deidentify.identity.subjects import Subjects, subject_of
from hilum_transform_deidentify.identity.uids import UidMap

__all__ = ["FEWEST_BYTES", "Keys", "Subjects", "UidMap", "capped", "shifted", "subject_of"]
