"""Plugins are known by metadata, loaded one by one, and blamed by name when they are broken."""

from __future__ import annotations

import sys

import pytest

from hilum_core.registry import Declared, PluginError, Registry, commands
from hilum_sdk import SinkSpec

HEAD = """
import attrs
from hilum_sdk import FilterSpec, SinkSpec, hookimpl

@attrs.frozen
class Config:
    pass

"""
BROKEN = {
    "raises when it is imported": (
        "def give():\n    raise KeyError('DOE^JOHN')\ngive()\n",
        "cannot be imported: raised KeyError at acme.py:2",
    ),
    "ends the process when it is imported": (
        "raise SystemExit(3)\n",
        "cannot be imported: raised SystemExit at acme.py:1",
    ),
    "is no Python": ("def (:\n", "cannot be imported: raised SyntaxError at acme.py:1"),
    "needs what is not there": (
        "x = 1\nimport acme_missing.part\n",
        "cannot be imported: needs the module acme_missing, which is not installed (acme.py:2)",
    ),
    "imports a name that is not there": (
        "from os import acme_missing\n",
        "cannot be imported: raised ImportError at acme.py:1",
    ),
    "has no hook": (HEAD, "its module has no hook hilum_register_sinks"),
    "misspells the hook": (
        HEAD + "@hookimpl\ndef hilum_register_sink():\n    return []\n",
        "there is no hook hilum_register_sink; did it mean hilum_register_sinks?",
    ),
    "wants arguments": (
        HEAD + "@hookimpl\ndef hilum_register_sinks(config):\n    return []\n",
        "its hooks do not have the arguments that they should have",
    ),
    "raises in the hook": (
        HEAD + "@hookimpl\ndef hilum_register_sinks():\n    raise OSError('DOE^JOHN')\n",
        "hilum_register_sinks raised OSError at acme.py:11",
    ),
    "raises in the generator": (
        HEAD
        + "@hookimpl\ndef hilum_register_sinks():\n"
        + "    yield SinkSpec(type='drop', config=Config, create='x:y')\n    1 / 0\n",
        "hilum_register_sinks raised ZeroDivisionError at acme.py:12",
    ),
    "never ends": (
        HEAD
        + "@hookimpl\ndef hilum_register_sinks():\n"
        + "    while True:\n        yield SinkSpec(type='drop', config=Config, create='x:y')\n",
        "hilum_register_sinks gives a type more than once",
    ),
    "gives nothing": (
        HEAD + "@hookimpl\ndef hilum_register_sinks():\n    pass\n",
        "hilum_register_sinks gave a NoneType, not specs",
    ),
    "gives no specs": (
        HEAD + "@hookimpl\ndef hilum_register_sinks():\n    return ['drop']\n",
        "hilum_register_sinks gave a str, not a SinkSpec",
    ),
    "gives specs of another kind": (
        HEAD
        + "@hookimpl\ndef hilum_register_sinks():\n"
        + "    return [FilterSpec(type='drop', config=Config, create='x:y')]\n",
        "hilum_register_sinks gave a FilterSpec, not a SinkSpec",
    ),
    "gives another type": (
        HEAD
        + "@hookimpl\ndef hilum_register_sinks():\n"
        + "    return [SinkSpec(type='drip', config=Config, create='x:y')]\n",
        "hilum_register_sinks gives drip, but the entry points declare drop",
    ),
    "gives a type twice": (
        HEAD
        + "@hookimpl\ndef hilum_register_sinks():\n"
        + "    return [SinkSpec(type='drop', config=Config, create='x:y')] * 2\n",
        "hilum_register_sinks gives a type more than once",
    ),
    "takes a key of the core": (
        HEAD
        + "@attrs.frozen\nclass Taken:\n    delivery: int = 1\n"
        + "@hookimpl\ndef hilum_register_sinks():\n"
        + "    yield SinkSpec(type='drop', config=Taken, create='x:y')\n",
        (
            "hilum_register_sinks raised ValueError at acme.py:14: "
            "config of 'drop': the core owns the key 'delivery'; give the field another name"
        ),
    ),
    "is a wrapper": (
        HEAD + "@hookimpl(wrapper=True)\ndef hilum_register_sinks():\n    return (yield)\n",
        "hilum_register_sinks is a wrapper, which registers nothing",
    ),
}


def only(registry: Registry, distribution: str) -> Declared:
    (declared,) = [each for each in registry.declared if each.distribution == distribution]
    return declared


@pytest.mark.parametrize("how", BROKEN)
def test_a_plugin_that(how, install):
    source, fault = BROKEN[how]
    install("acme-tools", {"acme": source}, sinks={"drop": "acme"})
    registry = Registry.discover()
    declared = only(registry, "acme-tools")
    with pytest.raises(PluginError) as caught:
        registry.spec(declared)
    assert caught.value.fault == fault
    assert caught.value.message == f"acme-tools 1.0: {caught.value.fault}"
    assert "DOE" not in caught.value.message
    with pytest.raises(PluginError):
        registry.spec(declared)  # once more, from memory


def test_a_broken_plugin_spoils_no_other(install, plugin_source):
    for number, (source, _) in enumerate(BROKEN.values()):
        install(f"broken-{number}", {f"broken{number}": source}, sinks={f"b{number}": f"broken{number}"})
    install("good", {"good": plugin_source}, sinks={"drop": "good"})
    registry = Registry.discover()
    for declared in registry.declared:
        if declared.distribution.startswith("broken"):
            with pytest.raises(PluginError):
                registry.spec(declared)
    spec = registry.spec(only(registry, "good"))
    assert isinstance(spec, SinkSpec)
    assert spec.type == "drop"


def test_looking_at_what_is_installed_imports_nothing(install, plugin_source):
    folder = install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"})
    declared = only(Registry.discover(), "acme-tools")
    assert (declared.kind, declared.type, declared.version) == ("sinks", "drop", "1.0")
    assert declared.origin == folder
    assert "acme" not in sys.modules


def test_an_sdk_that_is_too_old_is_told_before_anything_is_imported(install, plugin_source):
    install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"}, requires=["hilum-sdk<1,>=0.9"])
    registry = Registry.discover()
    with pytest.raises(PluginError) as caught:
        registry.spec(only(registry, "acme-tools"))
    assert caught.value.message == "acme-tools 1.0: needs hilum-sdk >=0.9,<1 but 0.1.0 is installed"
    assert "acme" not in sys.modules


def test_of_one_distribution_twice_on_the_path_the_first_is_used(install, plugin_source):
    later = install("Acme.Tools", {"acme": "raise ValueError"}, version="2.0", sinks={"drop": "acme"})
    first = install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"})
    registry = Registry.discover()
    used, shadowed = [each for each in registry.declared if each.type == "drop"]
    assert (used.origin, used.shadowed_by, used.clashes_with) == (first, "", ())
    assert (shadowed.origin, shadowed.shadowed_by) == (later, f"1.0 in {first}")
    assert registry.spec(used).summary == "Drops"
    with pytest.raises(PluginError, match="comes first on the path"):
        registry.spec(shadowed)


def test_a_folder_that_is_on_the_path_twice_shadows_nothing(install, plugin_source, monkeypatch):
    folder = install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"})
    alias = folder.with_name("alias")
    alias.symlink_to(folder)
    monkeypatch.syspath_prepend(str(alias))
    assert not only(Registry.discover(), "acme-tools").shadowed_by


def test_two_distributions_of_one_type_are_shown_as_clashing(install, plugin_source):
    install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"})
    install("other-tools", {"other": plugin_source}, version="3", sinks={"drop": "other"})
    registry = Registry.discover()
    assert only(registry, "acme-tools").clashes_with == ("other-tools 3",)
    assert only(registry, "other-tools").clashes_with == ("acme-tools 1.0",)


def test_a_type_that_is_declared_twice_is_refused(install, plugin_source):
    folder = install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"})
    path = folder / "acme_tools-1.0.dist-info" / "entry_points.txt"
    path.write_text("[hilum.sinks]\ndrop = acme\ndrop = other\n")
    registry = Registry.discover()
    for declared in registry.declared:
        if declared.distribution == "acme-tools":
            with pytest.raises(PluginError, match="declares 'drop' twice"):
                registry.spec(declared)


def test_two_distributions_cannot_register_one_module(install, plugin_source):
    install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"})
    install("other-tools", {}, sinks={"drop": "acme"})
    registry = Registry.discover()
    registry.spec(only(registry, "acme-tools"))
    with pytest.raises(PluginError, match="its module belongs to acme-tools"):
        registry.spec(only(registry, "other-tools"))


def test_a_distribution_whose_metadata_is_gone_hides_no_other(install, plugin_source):
    install("broken-tools", {}, metadata="", sinks={"drip": "x"})
    install("acme-tools", {"acme": plugin_source}, sinks={"drop": "acme"})
    registry = Registry.discover()
    assert only(registry, "acme-tools").type == "drop"
    assert registry.unreadable == ("broken_tools-1.0.dist-info",)


def test_commands_are_those_that_work(install):
    head = "from hilum_sdk import CommandSpec, hookimpl\n@hookimpl\ndef hilum_register_commands():\n"
    install(
        "acme-tools",
        {"acme": head + "    yield CommandSpec(name='greet', command='acme:x', summary='Say hello')\n"},
        commands={"greet": "acme"},
    )
    install("broken-tools", {"broken": "1 / 0\n"}, commands={"break": "broken"})
    assert [(spec.name, spec.summary) for spec in commands()] == [("greet", "Say hello")]


def test_the_plugins_of_this_workspace_can_all_be_loaded():
    registry = Registry.discover()
    found = {declared.full_type: registry.spec(declared) for declared in registry.declared}
    assert {
        "hilum-filter-tags:tags",
        "hilum-transform-edit:edit",
        "hilum-sink-dicom:dicom",
        "hilum-sink-folder:folder",
    } <= set(found)
