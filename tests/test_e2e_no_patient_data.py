"""Nothing that names a patient stands in a log, in an error, or in what the commands show."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.cli.console import to_json
from hilum_core.testing import (
    Arrival,
    RawAssociation,
    RunningRouter,
    SentFile,
    running_archive,
    running_router,
    send,
)

PLANTED = ("Plantagenet", "Geoffrey", "PLANT-4711", "Rue du Secret", "Whisperer")
"""Parts of a name, an ID, an address and a physician that stand in every object that is sent."""

CURIOUS_PLUGIN = """
    import attrs
    from hilum_sdk import Filter, FilterSpec, Transform, TransformSpec, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Curious(Filter):
        def matches(self, header, instance):
            return {}[str(header.PatientName)]
    @hookimpl
    def hilum_register_filters():
        yield FilterSpec(type="curious", config=Config, create="acme_curious:Curious")
    """


ORIGINAL_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@attrs.frozen
class Spoken:
    """All that a router said of the objects: by where it said it."""

    texts: dict[str, str]


@pytest.fixture
def planted(corpus, tmp_path) -> list[SentFile]:
    """The corpus with planted names, as far as pydicom can write it anew."""
    written = []
    for number, file in enumerate(corpus.files.values()):
        path = tmp_path / "planted" / f"{number}.dcm"
        path.parent.mkdir(exist_ok=True)
        try:
            dataset = dcmread(file.path)
            dataset.PatientName = "Plantagenet^Geoffrey"
            dataset.PatientID = "PLANT-4711"
            dataset.PatientAddress = "Rue du Secret 7"
            dataset.ReferringPhysicianName = "Whisperer^Horse"
            dataset.save_as(path)
            written.append(SentFile.read(path))
        except Exception:  # noqa: BLE001 - some are broken on purpose
            continue
    assert len(written) > 200
    return written


def naming_archive(arrival: Arrival) -> int | Dataset:
    """An archive that quotes the patient in its error comments."""
    kind = random.Random(arrival.sop_instance_uid).choice(["taken", "refused", "full"])
    if kind == "taken":
        return 0x0000
    answer = Dataset()
    answer.Status = 0xA900 if kind == "refused" else 0xA700
    answer.ErrorComment = "Plantagenet^Geoffrey (PLANT-4711) is not ours"
    return answer


def config(place: Path, archive_toml: str) -> str:
    (place / "by-name").mkdir()
    (place / "blocked").mkdir()
    # A file where the sink wants the patient's folder.
    (place / "blocked" / "Plantagenet^Geoffrey").write_text("in the way")
    (place / "blocked" / "Plantagenet_Geoffrey").write_text("in the way")
    return f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        {archive_toml}
        [filters.curious]
        type = "curious"
        [filters.ct]
        type = "tags"
        where = {{ Modality = ["CT"] }}
        [transforms.edit]
        type = "edit"
        set = {{ InstitutionName = "Hilum" }}
        [sinks.by_name]
        type = "folder"
        path = "{place / "by-name"}"
        layout = "{{PatientName}}/{{PatientID}}/{{SOPInstanceUID}}.dcm"
        [sinks.blocked]
        type = "folder"
        path = "{place / "blocked"}"
        layout = "{{PatientName}}/{{SOPInstanceUID}}.dcm"
        delivery = {{ first_retry = "200ms" }}
        [sinks.archive]
        type = "dicom"
        peer = "archive"
        delivery = {{ first_retry = "200ms", refused_tries = 1 }}
        [[routes]]
        name = "plain"
        sinks = ["by_name", "archive", "blocked"]
        [[routes]]
        name = "edited"
        transforms = ["edit"]
        sinks = ["by_name"]
        [[routes]]
        name = "curious"
        filters = ["ct", "curious"]
        sinks = ["by_name"]
        """


@pytest.fixture
def spoken(install, planted, hilum, tmp_path) -> Iterator[Spoken]:
    install("acme-curious", "filters", "curious", CURIOUS_PLUGIN)
    contexts = {(file.sop_class_uid, file.transfer_syntax_uid) for file in planted}
    with (
        running_archive(contexts=contexts, answer=naming_archive) as archive,
        running_router(
            tmp_path, config(tmp_path, archive.peer_toml("archive")), options=("--log-level", "debug")
        ) as router,
    ):
        taken = sum(answer == 0 for answer in send(planted, router.port).values())
        taken += send_torn(planted, router)
        router.wait_until(lambda: sum(row.state != "received" for row in router.objects()) >= taken * 0.6)
        router.wait_until(lambda: "a lane rests" in router.log())
        router.wait_until(lambda: router.deliveries("archive", "dead") and router.objects("held"))
        texts = {"the log": router.log()}
        with router.queue() as queue:
            texts["the histories"] = json.dumps(
                [to_json(queue.history(row.stored.instance.id)) for row in router.objects()]
            )
        for command in ("status", "list", "list --sink archive", "list --sink blocked", "list --state held"):
            for more in ((), ("--json",)):
                done = hilum("queue", *command.split(), *more, "--config", router.config_path)
                texts[f"queue {command} {more}"] = done.stdout + done.stderr
        yield Spoken(texts)


def send_torn(files: list[SentFile], router: RunningRouter) -> int:
    """Send halves of objects, of which no reader makes sense; how many."""
    with RawAssociation.open(router.port, [(CTImageStorage, ExplicitVRLittleEndian)]) as association:
        for number, file in enumerate(files[:40]):
            torn = file.data_set[number % 7 : 200 + number * 50]
            assert association.store(CTImageStorage, f"1.2.826.0.1.3680043.10.1553.5.{number}", [torn]) == 0
        association.release()
    return 40


def test_no_log_no_error_and_no_command_names_a_patient(spoken):
    for event in (
        "an object is stored",
        "an object is routed",
        "an object is rendered",
        "an object is delivered",
    ):
        assert f" {event} " in spoken.texts["the log"]
    for where, text in spoken.texts.items():
        assert [name for name in PLANTED if name.lower() in text.lower()] == [], where
    # These failures did happen; their words are the router's own.
    assert "not taken" in spoken.texts["the histories"] or "A900" in spoken.texts["the histories"]
    assert "KeyError at acme_curious.py" in spoken.texts["the histories"]
    assert "unreadable" in spoken.texts["the histories"]


# ---- what is de-identified: not even its UIDs

TALKING_TRANSFORM = """
    import attrs
    from hilum_sdk import Discard, Hold, PermanentError, Transform, TransformSpec, hookimpl
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Talking(Transform):
        def apply(self, draft):
            ds, uid = draft.dataset, draft.instance.sop_instance_uid
            self.context.logger.warning("at %s of study %s", uid, ds.StudyInstanceUID)
            match int(ds.InstanceNumber) % 6:
                case 0:
                    raise PermanentError(f"{uid}: what is this?")
                case 1:
                    raise PermanentError(f"{ds.PatientName} cannot be made nobody")
                case 2:
                    return Hold(reason=f"{ds.StudyInstanceUID} is odd, a {ds.SOPClassUID}", code=f"odd {uid}")
                case 3:
                    return Discard(rule=f"nothing of {ds.PatientID}")
                case 4:
                    return {}[ds.PatientName]
            ds.PatientName = ds.PatientID = "A"
            ds.SOPInstanceUID = f"2.25.{ds.InstanceNumber}"
            ds.StudyInstanceUID = ds.SeriesInstanceUID = "2.25.1"
            ds.PatientIdentityRemoved = "YES"
        def verify(self, original, rendered):
            return []
    @hookimpl
    def hilum_register_transforms():
        yield TransformSpec(
            type="talking", config=Config, create="acme_talking:Talking", deidentifies=lambda config: True
        )
    """

RESEARCH = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    [transforms.talking]
    type = "talking"
    isolate = {isolate}
    [sinks.trial]
    type = "folder"
    path = "{folder}"
    layout = "{{PatientID}}/{{SOPInstanceUID}}.dcm"
    deidentified_only = true
    [[routes]]
    name = "research"
    transforms = ["talking"]
    sinks = ["trial"]
    """


@pytest.mark.parametrize("isolate", ["true", "false"])
def test_of_what_is_de_identified_no_original_uid_is_named_either(
    install, make_object, hilum, tmp_path, isolate
):
    install("acme-talking", "transforms", "talking", TALKING_TRANSFORM)
    (tmp_path / "trial").mkdir()
    objects = [make_object(tmp_path / "objects", number) for number in range(12)]
    originals = {dcmread(file.path)[keyword].value for file in objects for keyword in ORIGINAL_UIDS}
    config_toml = RESEARCH.format(folder=tmp_path / "trial", isolate=isolate)
    with running_router(tmp_path, config_toml, options=("--log-level", "debug")) as router:
        assert set(send(objects, router.port).values()) == {0}
        ended = ("delivered", "discarded", "held", "dead")
        router.wait_until(lambda: len(router.deliveries("trial", *ended)) == 10, within_s=60)
        router.wait_until(lambda: router.log().count("KeyError at acme_talking") == 2)
        with router.queue() as queue:
            texts = {"the ledger": json.dumps([to_json(event) for event in queue.events(0, 1000)])}
        ids = [row.stored.instance.id for row in router.objects()]
        for command in (
            *("status", "held", "list", "list --state routed", "list --sink trial", "list --state dead"),
            *(f"show {object_id}" for object_id in ids[:6]),
        ):
            for more in ((), ("--json",)):
                done = hilum("queue", *command.split(), *more, "--config", router.config_path)
                assert done.returncode == 0, done.stderr
                texts[f"queue {command} {more}"] = done.stdout + done.stderr
        render = ("render", router.config_path, "research", *(file.path for file in objects))
        done = hilum(*render, "-o", tmp_path / "rendered")
        texts["render"] = done.stdout + done.stderr
        texts["the log"] = router.log()
    for where, text in texts.items():
        assert [uid for uid in originals if uid in text] == [], where
        assert [name for name in ("planted", "doe^") if name in text.lower()] == [], where
    assert "(a UID) is odd, a 1.2.840.10008.5.1.4.1.1.2" in texts["the ledger"]
    assert "its words are withheld" in texts["the ledger"]
    assert "at (a UID) of study (a UID)" in texts["render"]
    assert len(list((tmp_path / "trial").rglob("*.dcm"))) == 2
