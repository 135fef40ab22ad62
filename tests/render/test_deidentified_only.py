"""To a sink with `deidentified_only` goes what is de-identified by registration, verification and mark."""

from __future__ import annotations

import pytest
from pydicom import dcmread

from hilum_core.testing import running_router, send

MODALITY = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    """

STAND_INS = """
    import attrs
    from hilum_sdk import Hold, Transform, TransformSpec, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        mark: str = "YES"
        finds: bool = False
    class Unverified(Transform):
        def apply(self, draft):
            draft.elements.put((0x00100010,), "PN", b"A")
            draft.elements.put((0x00120062,), "CS", self.config.mark.encode())
    class Verified(Unverified):
        def verify(self, original, rendered):
            if self.config.finds:
                return [Hold(reason="PatientName is left in (0008,103E)", code="left")]
            return []
    @hookimpl
    def hilum_register_transforms():
        for name in ("verified", "unverified"):
            create = f"acme_blank:{name.title()}"
            yield TransformSpec(type=name, config=Config, create=create, deidentifies=lambda config: True)
    """

TRANSFORMS = {
    "good": 'type = "verified"',
    "unmarked": 'type = "verified"\nmark = "NO"',
    "unverified": 'type = "unverified"',
    "leaky": 'type = "verified"\nfinds = true',
}


def way(folder, name, transform):
    (folder / name).mkdir()
    return f"""
        [transforms.{name}]
        {transform}
        [sinks.{name}]
        type = "folder"
        path = "{folder / name}"
        layout = "{{SOPInstanceUID}}.dcm"
        deidentified_only = true
        [[routes]]
        name = "{name}"
        transforms = ["{name}"]
        sinks = ["{name}"]
        """


@pytest.mark.parametrize("isolate", ["true", "false"])
def test_only_what_is_registered_marked_and_verified_goes(install, make_object, tmp_path, isolate):
    install("acme-blank", "transforms", "verified", STAND_INS)
    about = tmp_path / "site" / "acme_blank-1.5.dist-info" / "entry_points.txt"
    about.write_text(about.read_text() + "unverified = acme_blank\n")
    ways = [way(tmp_path, name, f"{text}\nisolate = {isolate}") for name, text in TRANSFORMS.items()]
    with running_router(tmp_path, MODALITY + "".join(ways)) as router:
        send([make_object(tmp_path / "objects", 1)], router.port)
        router.wait_until_quiet(objects=1)
        rows = {row.sink: row for row in router.deliveries()}
    assert {sink: row.state for sink, row in rows.items()} == {
        "good": "delivered",
        "unmarked": "dead",
        "unverified": "dead",
        "leaky": "held",
    }
    assert "(0012,0062) of this is not YES" in rows["unmarked"].last_failure.text
    assert "no de-identifying transform has verified" in rows["unverified"].last_failure.text
    assert rows["leaky"].last_failure.text == "PatientName is left in (0008,103E)"
    (arrived,) = [path for sink in TRANSFORMS for path in (tmp_path / sink).glob("*.dcm")]
    assert arrived.parent.name == "good"
    assert dcmread(arrived).PatientIdentityRemoved == "YES"
