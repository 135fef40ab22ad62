"""A plugin that does whatever a plugin can do wrong, in each kind of component that Hilum runs.

One object stands for each misbehaviour, and good ones between them. What is asked is always the same:
all are taken, the good ones arrive, the bad ones are kept, the plugin is named with its version, no
patient is in the log, and the process that all components of a kind share is not started again.
(Commitment checks are not run by this version; a config with one is refused.)
"""

from __future__ import annotations

import json
import os
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from hilum_core.queue import QueueRefusal
from hilum_core.testing import RunningRouter, running_router, send

DEFECT = "unexpected error: {0} at acme_bad.py:"
DIED = "died with it in hand ({0})"
SLOW = "did not finish within its time limit"

FAILS = {
    "raise": ("raise ValueError(PATIENT)", DEFECT.format("ValueError")),
    "raise quoting": (
        "raise RuntimeError(str(uid), PATIENT) from KeyError(PATIENT)",
        DEFECT.format("RuntimeError"),
    ),
    "raise what cannot be read": ("raise Unreadable", DEFECT.format("Unreadable")),
    "raise one of ours, filled oddly": ("raise TemporaryError(object(), status='x')", "TemporaryError"),
    "sys.exit": ("sys.exit(0)", DEFECT.format("SystemExit")),
    "KeyboardInterrupt": ("raise KeyboardInterrupt(PATIENT)", DEFECT.format("KeyboardInterrupt")),
    "GeneratorExit": ("raise GeneratorExit", DEFECT.format("GeneratorExit")),
    "its own BaseException": ("raise Own(PATIENT)", DEFECT.format("Own")),
    "endless recursion": ("recurse()", DEFECT.format("RecursionError")),
    "hang in Python": ("time.sleep(1000)", SLOW),
    "hang, with a thread that stays": (
        "threading.Thread(target=time.sleep, args=(1000,)).start(); time.sleep(1000)",
        SLOW,
    ),
    "hang in C": ("re.match('(a+)+$', 'a' * 64 + 'b')", SLOW),
    "os._exit": ("os._exit(3)", DIED.format("exit status 3")),
    "os.abort": ("os.abort()", DIED.format("killed by signal 6")),
    "SIGSEGV": ("ctypes.string_at(0)", DIED.format("killed by signal 11")),
    "eat memory": ("bytearray(1 << 40)", DIED.format("exit status 1")),
    "close all descriptors": ("os.closerange(0, 4096)", "died with it in hand"),
    "garbage in the pipe": (
        "[os.write(fd, b'garbage!') for fd in sockets()]; time.sleep(0.05)",
        "died with it in hand",
    ),
}
"""What is done, and what is said of it."""

HANGS = {
    "hang behind blocked signals": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); time.sleep(1000)",
        DIED.format("killed by signal 9"),
    ),
}
"""As the above; it comes last, because it takes longest to be ended."""

WORKS = {
    "print": (
        "print(PATIENT, flush=True); print(PATIENT, file=sys.stderr, flush=True); "
        "os.write(1, PATIENT.encode()); os.write(2, PATIENT.encode())"
    ),
    "warn": "warnings.simplefilter('always'); warnings.warn(PATIENT)",
    "log a patient in a library's name": "logging.basicConfig(); logging.error(PATIENT)",
    "change folder, umask, environment": "os.chdir('/'); os.umask(0o777); os.environ.clear()",
    "change signal handlers": "[signal.signal(one, signal.SIG_IGN) for one in (13, 15)]",
    "change the locale": "locale.setlocale(locale.LC_ALL, ''); sys.setrecursionlimit(200)",
    "leave a thread behind": "threading.Thread(target=time.sleep, args=(1000,)).start()",
    "leave a child behind": "subprocess.Popen(['sleep', SLEEPS[0]])",
    "leave a child of its own session behind": "subprocess.Popen(['setsid', 'sleep', SLEEPS[1]])",
    "return twice by fork": "os.fork()",
    "take long, and say so": "[(time.sleep(0.3), self.context.beat()) for _ in range(7)]",
    "shut the log down": "logging.disable(logging.CRITICAL); logging.shutdown(); sys.stdout.close()",
}
"""What does no harm."""

SAYS_NONSENSE = {
    "filter": {"nothing": "return None", "a word": "return 'no'", "much": "return 'x' * (1 << 25)"},
    "transform": {
        "a word": "return 'held'",
        "a hold of nothing": "return Hold(reason=None)",
        "much": "return ['x'] * (1 << 22)",
    },
    "sink": {
        "a word": "return 'delivered'",
        "a receipt of nothing": "return Receipt(warning=7)",
        "no status": "return Receipt(status=1 << 80)",
    },
}

SLEEPS = (f"47110{os.getpid()}", f"47120{os.getpid()}")
"""How long the children sleep that the plugin leaves behind: they are told by it."""

PLUGIN = """
    import attrs, ctypes, locale, logging, os, re, signal, stat, subprocess, sys, threading, time, warnings
    from hilum_sdk import *
    from hilum_sdk import hookimpl
    PATIENT = "Doe^Planted PLANTED-4711"
    SLEEPS = {sleeps}
    class Own(BaseException):
        pass
    class Unreadable(Exception):
        def __str__(self):
            raise ValueError(PATIENT)
        __repr__ = __str__
    def recurse():
        recurse()
    def sockets():
        for fd in range(3, 256):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode):
                    yield fd
            except OSError:
                pass
    @attrs.frozen(kw_only=True)
    class Config:
        pass
    class Bad({base}):
        def {method}:
            uid = {uid}
            match int(uid.rpartition(".")[2]):
{cases}
            return {answer}
    @hookimpl
    def hilum_register_{kind}s():
        yield {base}Spec(type="bad", config=Config, create="acme_bad:Bad")
    """

KINDS = {
    "filter": {
        "base": "Filter",
        "method": "matches(self, header, instance)",
        "uid": "str(header.SOPInstanceUID)",
        "answer": "True",
    },
    "transform": {
        "base": "Transform",
        "method": "apply(self, draft)",
        "uid": "str(draft.dataset.SOPInstanceUID)",
        "answer": "None",
    },
    "sink": {
        "base": "Sink",
        "method": "deliver(self, item)",
        "uid": "item.sop_instance_uid",
        "answer": "Receipt()",
    },
}

FLOW = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true

    [peers.scanner]
    ae_title = "SCANNER"
    may_send = true

    [[routes]]
    name = "free"
    from = ["scanner"]
    sinks = ["free"]
    stop = true

    [sinks.free]
    type = "folder"
    path = "{folder}/free_of_it"

    [sinks.good]
    type = "folder"
    path = "{folder}/good"
    layout = "{{SOPInstanceUID}}.dcm"

    [sinks.other]
    type = "folder"
    path = "{folder}/other"
    layout = "{{SOPInstanceUID}}.dcm"
    """
ROUTES = {
    "filter": """
        [filters.bad]
        type = "bad"
        [[routes]]
        name = "all"
        filters = ["bad"]
        sinks = ["good"]
        """,
    "transform": """
        [transforms.bad]
        type = "bad"
        [transforms.mark]
        type = "edit"
        set = { InstitutionName = "Hilum" }
        [[routes]]
        name = "all"
        transforms = ["mark", "bad"]
        sinks = ["good"]
        [[routes]]
        name = "other"
        transforms = ["mark"]
        sinks = ["other"]
        """,
    "sink": """
        [sinks.bad]
        type = "bad"
        delivery = { timeout = "1500ms", first_retry = "1h", longest_retry = "1h" }
        [[routes]]
        name = "all"
        sinks = ["bad", "other"]
        """,
}
RECEIVING_SINK = {"filter": "good", "transform": "good", "sink": "bad"}
SHARED = {
    "filter": ["route.worker"],
    "transform": ["route.worker", "render.worker"],
    "sink": ["route.worker"],
}


def behaviours(kind: str) -> dict[str, tuple[str, str]]:
    """Each misbehaviour by its name: the code, and the failure that it leads to; none for what works."""
    nonsense = {
        f"say {name}": (code, "unexpected error: TypeError") for name, code in SAYS_NONSENSE[kind].items()
    }
    return FAILS | nonsense | {name: (code, "") for name, code in WORKS.items()} | HANGS


def plugin(kind: str, codes: list[str]) -> str:
    cases = "".join(
        f"{' ' * 16}case {2 * number}:\n{' ' * 20}{code}\n" for number, code in enumerate(codes, start=1)
    )
    return PLUGIN.format(kind=kind, cases=cases, sleeps=SLEEPS, **KINDS[kind])


def all_have_failed(router: RunningRouter, waits_for: dict[str, str], *, cancel: bool) -> bool:
    """Whether each object has failed as it should, its plugin being named.

    Those that routing tries again every few seconds are then cancelled: they take the others' time.
    """
    with router.queue() as queue:
        for object_id, reason in list(waits_for.items()):
            told = json.dumps([dict(event.detail) for event in queue.history(object_id).events])
            if reason in told:
                assert "acme-bad 1.5" in told
                with suppress(QueueRefusal):  # it is at work again
                    if cancel:
                        queue.cancel([object_id], by="test", because="seen")
                    del waits_for[object_id]
    return not waits_for


def sleepers() -> list[str]:
    """The children that the plugin left behind, wherever they belong now."""
    words = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words.append(entry.read_bytes().decode().replace("\0", " ").strip())
        except OSError:
            continue
    return [line for line in words if line in {f"sleep {number}" for number in SLEEPS}]


@pytest.mark.parametrize("kind", ["filter", "transform", "sink"])
def test_whatever_a_plugin_does_its_objects_are_kept_and_all_others_go_on(
    install, make_object, tmp_path, kind
):
    todo = behaviours(kind)
    install("acme-bad", f"{kind}s", "bad", textwrap.dedent(plugin(kind, [code for code, _ in todo.values()])))
    files = [make_object(tmp_path / "objects", number) for number in range(1, 2 * len(todo) + 2)]
    reasons = {
        file.sop_instance_uid: reason
        for file, (_, reason) in zip(files[1::2], todo.values(), strict=True)
        if reason
    }
    for folder in ("good", "other", "free_of_it"):
        (tmp_path / folder).mkdir()
    free = [make_object(tmp_path / "free", number) for number in range(1001, 1021)]
    config = textwrap.dedent(FLOW.format(folder=tmp_path)) + textwrap.dedent(ROUTES[kind])
    limits = {"filter_timeout": "1500ms", "transform_timeout": "1500ms", "worker_memory": "768MiB"}
    with running_router(tmp_path, config, **limits) as router:
        router.wait_until(lambda: all(name in router.processes() for name in SHARED[kind]))
        shared = {name: router.processes()[name] for name in SHARED[kind]}
        assert set(send(files, router.port).values()) == {0}
        assert set(send(free, router.port, calling_ae="SCANNER").values()) == {0}
        router.wait_until(lambda: len(router.deliveries("free", "delivered")) == len(free))
        waits_for = {
            row.stored.instance.id: reasons[row.stored.instance.sop_instance_uid]
            for row in router.objects()
            if row.stored.instance.sop_instance_uid in reasons
        }
        try:
            router.wait_until(
                lambda: all_have_failed(router, waits_for, cancel=kind == "filter"), within_s=240
            )
        except TimeoutError:
            pytest.fail(f"did not happen: {waits_for}\n{router.log()}")
        if kind != "filter":  # whoever has nothing to do with the plugin is served
            router.wait_until(lambda: len(router.deliveries("other", "delivered")) == len(files))
        sink = RECEIVING_SINK[kind]
        good = len(files) - len(reasons)
        router.wait_until(lambda: len(router.deliveries(sink, "delivered")) == good, within_s=240)
        assert {name: router.processes()[name] for name in SHARED[kind]} == shared
        assert "acme-bad 1.5" in router.log()
    assert "Planted" not in router.log()
    assert "PLANTED" not in router.log()
    router.wait_until(lambda: not sleepers())
