"""A config and the installed plugins together: what can work, and every problem in one report."""

from __future__ import annotations

import re
import sys

import pytest

from hilum_core.registry import PluginError, check, is_standard, report
from hilum_core.registry.declared import Declarations
from hilum_core.registry.type_table import TypeTable
from hilum_sdk import ConfigError, Sink
from hilum_sdk.config import ConfigProblems

LEAST = '[router]\nstate_dir = "/var/lib/hilum"\n'
PLUGIN = """
import attrs
from hilum_sdk import (
    ConfigError, PeerName, Receipt, Secret, Sink, SinkSpec, Transform, TransformSpec, hookimpl
)
from hilum_sdk.config import port_number

@attrs.frozen(kw_only=True)
class Config:
    folder: str
    port: int = attrs.field(default=104, validator=port_number)
    password: Secret | None = None

@attrs.frozen(kw_only=True)
class Call:
    peer: PeerName

@attrs.frozen(kw_only=True)
class Nothing:
    mode: str = attrs.field(default="")

    @mode.validator
    def _never(self, attribute, value):
        if value:
            raise KeyError("DOE^JOHN")

class Drop(Sink):
    def deliver(self, item):
        return Receipt()

class Clean(Transform):
    def apply(self, draft):
        pass

class Unmade(Sink):
    def __init__(self, config, context):
        raise KeyError("DOE^JOHN")

    deliver = None

def refuse(config, context):
    raise ConfigError("there is no such folder")

@attrs.frozen(kw_only=True)
class Dial:
    number: PeerName

def odd(config):
    raise KeyError("DOE^JOHN")

@hookimpl
def hilum_register_sinks():
    yield SinkSpec(type="drop", config=Config, create=__name__ + ":Drop")
    yield SinkSpec(type="call", config=Call, create=Drop, peer=lambda config: config.peer)
    yield SinkSpec(type="dial", config=Dial, create=Drop, peer=lambda config: config.number)
    yield SinkSpec(type="unmade", config=Nothing, create=Unmade)
    yield SinkSpec(type="refuse", config=Nothing, create=refuse)
    yield SinkSpec(type="astray", config=Nothing, create="acme:Nowhere")
    yield SinkSpec(type="clean", config=Nothing, create=Clean)
    yield SinkSpec(type="odd", config=Nothing, create=Drop, peer=odd)

@hookimpl
def hilum_register_transforms():
    yield TransformSpec(type="clean", config=Nothing, create=Clean, deidentifies=lambda config: True)
    yield TransformSpec(type="shrink", config=Nothing, create=Clean, transcodes=lambda config: True)
    yield TransformSpec(type="polish", config=Nothing, create=Clean, deidentifies=lambda config: "no")
"""
SINKS = dict.fromkeys(["drop", "call", "dial", "unmade", "refuse", "astray", "clean", "odd"], "acme")
TRANSFORMS = dict.fromkeys(["clean", "polish", "shrink"], "acme")


@pytest.fixture
def acme(install):
    return install("acme-tools", {"acme": PLUGIN}, sinks=SINKS, transforms=TRANSFORMS)


def told(text: str) -> list[str]:
    return [str(problem) for problem in check(text, "hilum.toml")[2]]


def test_a_component_is_made_with_its_own_config(acme):
    config, composition, problems = check(
        LEAST + '[sinks.x]\ntype = "drop"\nfolder = "/d"\ndisabled = false\n', source="hilum.toml"
    )
    assert not problems
    assert not config.broken
    composed = composition.components["sinks.x"]
    assert (composed.config.folder, composed.config.port) == ("/d", 104)
    assert (composed.distribution, composed.version, composed.blame) == (
        "acme-tools",
        "1.0",
        "acme-tools 1.0",
    )
    component = composed.create(None)
    assert isinstance(component, Sink)
    assert component.config is composed.config


def test_every_problem_of_the_file_comes_in_one_report(acme, install):
    install("broken-tools", {"broken": "raise KeyError('DOE^JOHN')"}, filters={"moon": "broken"})
    text = """
[router]
state_dir = "/var/lib/hilum"

[peers.pacs]
ae_title = "PACS"

[filters.moon]
type = "moon"

[filters.tides]
type = "drop"

[transforms.safe]
type = "polish"
mood = 1

[transforms.polish]
type = "polish"

[sinks.archive]
type = "drop"
prot = 1
port = 99999
delivery = { wrokers = 1 }

[sinks.called]
type = "call"
peer = "pacs"

[sinks.calling]
type = "call"
peer = "pax"

[sinks.odd]
type = "odd"

[sinks.fails]
type = "refuse"
mode = "x"

[sinks.research]
type = "drop"
folder = "/research"
deidentified_only = true

[sinks.lost]
type = "drup"

[[routes]]
name = "trial"
transforms = ["polish"]
sinks = ["archive", "research"]
"""
    config, composition, problems = check(text, "hilum.toml")
    # What else is installed here is no matter of this test.
    text = re.sub(r"installed: [^;\n]*", "installed: …", report(problems, "hilum.toml", notes=config.notes))
    assert (
        text
        == """\
hilum.toml: 13 problems
  filters.moon: the plugin is broken: cannot be imported: raised KeyError at broken.py:1  (moon, broken-tools 1.0)
  filters.tides.type: no filter of the type 'drop' is installed; installed: …; 'drop' is a type of sink, which stands under [sinks.…]
  transforms.safe.mood: unknown key; did you mean 'mode'?                         (polish, acme-tools 1.0)
  sinks.archive.folder: missing; give a string                                    (drop, acme-tools 1.0)
  sinks.archive.prot: unknown key; did you mean 'port'?                           (drop, acme-tools 1.0)
  sinks.archive.port: must be 1 to 65535, got 99999                               (drop, acme-tools 1.0)
  sinks.archive.delivery.wrokers: unknown key; did you mean 'workers'?
  sinks.called: sends to the peer 'pacs', which cannot be called: set peers.pacs.host and peers.pacs.port  (call, acme-tools 1.0)
  sinks.calling.peer: no peer is called 'pax'; there are: pacs                    (call, acme-tools 1.0)
  sinks.odd: the plugin is broken: asked about its config it raised KeyError at acme.py:49  (odd, acme-tools 1.0)
  sinks.fails: the plugin is broken: reading its config raised KeyError at acme.py:25  (refuse, acme-tools 1.0)
  sinks.lost.type: no sink of the type 'drup' is installed; did you mean 'drop'? installed: …
  routes[0].sinks[1]: sinks.research takes only what is de-identified, and no transform of this route de-identifies; add one, or take the sink out"""  # noqa: E501 - a report is shown as it is
    )
    assert list(composition.components) == ["transforms.polish"]
    assert set(composition.broken) | set(config.broken) == {
        "filters.moon",
        "filters.tides",
        "transforms.safe",
        "sinks.archive",
        "sinks.called",
        "sinks.calling",
        "sinks.odd",
        "sinks.fails",
        "sinks.research",
        "sinks.lost",
    }
    assert composition.broken["filters.moon"] == (
        "broken-tools 1.0: cannot be imported: raised KeyError at broken.py:1"
    )
    assert "99999" not in repr(composition.broken) + repr(config.broken)


def test_a_fault_of_reception_hides_no_other(acme):
    with pytest.raises(ConfigProblems) as caught:
        check('[sinks.x]\ntype = "drop"\n[peers.a]\nhost = "h"\n[sinks.y]\ntype = "call"\npeer = "a"\n', "x")
    assert [str(problem) for problem in caught.value.problems] == [
        "router: missing; a config has [router] with state_dir",
        "sinks.x.folder: missing; give a string",
        "peers.a.ae_title: missing; give a string",
    ]


def test_only_what_the_config_names_is_imported(acme, install):
    install("other-tools", {"other": "raise ValueError"}, sinks={"other": "other"})
    assert not told(LEAST + '[sinks.x]\ntype = "drop"\nfolder = "/d"\n')
    assert "other" not in sys.modules


def test_what_is_disabled_needs_no_plugin(acme):
    config, composition, problems = check(LEAST + '[sinks.x]\ntype = "gone"\ndisabled = true\n', "x")
    assert not problems
    assert not composition.components
    assert not composition.broken
    assert config.sinks["x"].disabled


def test_whom_a_sink_sends_to_is_known_though_it_rests_or_is_broken(acme):
    text = LEAST + '[peers.pacs]\nae_title = "PACS"\nhost = "h"\nport = 104\n'
    text += "".join(
        f'[sinks.{name}]\ntype = "{kind}"\npeer = "pacs"\n{more}\n'
        for name, kind, more in (
            ("works", "call", ""),
            ("rests", "call", "disabled = true"),
            ("lost", "gone", ""),
            ("faulty", "call", "isolate = false"),
        )
    )
    _, composition, _ = check(text + '[sinks.folder]\ntype = "drop"\nfolder = "/d"\n', source="x")
    assert composition.sink_peers == dict.fromkeys(["works", "rests", "lost", "faulty"], "pacs")


@pytest.mark.parametrize("only", [{"sinks"}, {"sinks.x", "checks"}])
def test_a_process_imports_no_more_than_the_plugins_it_asked_for(acme, install, only):
    install("deadly-tools", {"deadly": "import os; os._exit(3)"}, filters={"deadly": "deadly"})
    text = LEAST + '[sinks.x]\ntype = "drop"\n[transforms.t]\ntype = "clean"\n'
    text += '[filters.f]\ntype = "deadly"\n[filters.faulty]\ntype = "deadly"\nisolate = 1\n'
    _, composition, problems = check(text, "x", only=only)
    assert not composition.components
    assert set(composition.broken) == {"sinks.x"}
    assert [problem.path for problem in problems] == ["sinks.x.folder", "filters.faulty.isolate"]


def test_whom_a_sink_sends_to_is_known_without_its_plugin(acme):
    text = LEAST + '[peers.pacs]\nae_title = "PACS"\nhost = "h"\nport = 104\n'
    text += '[sinks.x]\ntype = "call"\npeer = "pacs"\n[filters.f]\ntype = "drop"\n'
    _, composition, _ = check(text, "x", only={"filters"})
    assert composition.sink_peers == {"x": "pacs"}
    assert set(composition.broken) == {"filters.f"}
    assert "acme" not in sys.modules


def test_a_sink_that_sends_to_a_peer_without_its_key_peer_is_broken(acme):
    text = LEAST + '[peers.pacs]\nae_title = "PACS"\nhost = "h"\nport = 104\n'
    assert told(text + '[sinks.x]\ntype = "dial"\nnumber = "pacs"\n') == [
        "sinks.x: the plugin is broken: it sends to a peer that its key `peer` does not name"
    ]


def test_a_type_of_two_distributions_is_an_error_only_where_it_is_named(acme, install, plugin_source):
    install("other-tools", {"other": plugin_source}, version="3", sinks={"drop": "other"})
    assert not told(LEAST + '[transforms.x]\ntype = "clean"\n')
    assert told(LEAST + '[sinks.x]\ntype = "drop"\nfolder = "/d"\n') == [
        (
            "sinks.x.type: 'drop' is a type of other-tools 3 and acme-tools 1.0; "
            'write type = "other-tools:drop" or type = "acme-tools:drop"'
        )
    ]
    for name in ("other-tools", "Acme.Tools"):
        _, composition, problems = check(
            LEAST + f'[sinks.x]\ntype = "{name}:drop"\nfolder = "/d"\n', source="hilum.toml"
        )
        assert not problems
        assert composition.components["sinks.x"].distribution == name.lower().replace(".", "-")


def test_an_unknown_type_names_the_shadowed_and_the_unreadable_that_may_have_it(install):
    later = install("acme-tools", {}, version="2.0", sinks={"drip": "acme"})
    first = install("acme-tools", {}, sinks={"drop": "acme"})
    install("broken-tools", {}, metadata="", sinks={"x": "x"})
    (only,) = told(LEAST + '[sinks.x]\ntype = "drip"\n')
    assert only.endswith(
        f"; acme-tools 2.0 in {later} has it, but 1.0 in {first} comes before it; "
        "the metadata of broken_tools-1.0.dist-info cannot be read and may declare it"
    )


def test_a_kind_of_which_nothing_is_installed_says_so():
    with pytest.raises(ConfigProblems) as caught:
        TypeTable(Declarations(declared=(), unreadable=())).find("sinks", "folder", where="sinks.x.type")
    assert [str(problem) for problem in caught.value.problems] == [
        "sinks.x.type: no sink of the type 'folder' is installed; no sink is installed at all"
    ]


def test_a_kind_that_nothing_runs_yet_is_all_that_is_said_of_it():
    assert told(LEAST + '[services.x]\ntype = "console"\n') == [
        "services.x: this version runs no services, they come with a later one; take it out"
    ]


def test_the_secret_that_was_written_into_the_file_is_not_in_the_report(acme):
    _, composition, problems = check(
        LEAST + '[sinks.x]\ntype = "drop"\nfolder = "/d"\npassword = "hunter2"\n', source="hilum.toml"
    )
    assert len(problems) == 1
    assert "hunter2" not in repr((problems, composition))


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("unmade", PluginError, "acme-tools 1.0: cannot be made: raised KeyError at acme.py:37"),
        ("refuse", ConfigError, "there is no such folder"),
        ("astray", PluginError, "acme-tools 1.0: acme:Nowhere cannot be imported: raised AttributeError"),
        ("clean", PluginError, "acme-tools 1.0: create gave a Clean, not a Sink or BatchSink"),
    ],
)
def test_a_component_that_cannot_be_made_is_blamed_on_its_distribution(acme, kind, error, text):
    composed = check(LEAST + f'[sinks.x]\ntype = "{kind}"\n', "x")[1].components["sinks.x"]
    with pytest.raises(error) as caught:
        composed.create(None)
    assert caught.value.message.startswith(text)


ROUTE = '[[routes]]\nname = "r"\ntransforms = [{}]\nsinks = ["x"]\n'
PROTECTED = LEAST + '[sinks.x]\ntype = "drop"\nfolder = "/d"\ndeidentified_only = true\n'


@pytest.mark.parametrize(
    ("transforms", "chain", "refused"),
    [
        ("", "", True),
        ('[transforms.a]\ntype = "clean"\n', '"a"', False),
        ('[transforms.a]\ntype = "polish"\n', '"a"', True),
        ('[transforms.a]\ntype = "polish"\n[transforms.b]\ntype = "clean"\n', '"a", "b"', False),
        ('[transforms.a]\ntype = "polish"\n[transforms.b]\ntype = "clean"\n', '"b", "a"', True),
        ('[transforms.a]\ntype = "shrink"\n[transforms.b]\ntype = "clean"\n', '"b", "a"', False),
    ],
)
def test_a_de_identified_sink_wants_a_de_identifying_transform_on_every_route(
    acme, transforms, chain, refused
):
    _, composition, problems = check(PROTECTED + transforms + ROUTE.format(chain), "x")
    assert bool(problems) is refused
    assert ("sinks.x" in composition.broken) is refused
    assert ("sinks.x" in composition.components) is not refused


@pytest.mark.parametrize(("chain", "refused"), [('"a", "b"', True), ('"a"', False)])
def test_nothing_is_recorded_on_a_route_that_de_identifies(acme, chain, refused):
    text = (
        LEAST
        + '[sinks.x]\ntype = "drop"\nfolder = "/d"\n'
        + '[transforms.a]\ntype = "shrink"\noriginal_attributes = "COERCE"\n'
        + '[transforms.b]\ntype = "clean"\n'
        + ROUTE.format(chain)
    )
    told_text = "transforms.a records the original attributes, on a route that de-identifies"
    assert [line.partition(";")[0] for line in told(text)] == (
        [f"routes[0].transforms[0]: {told_text}"] if refused else []
    )


def test_a_lane_rests_without_a_look_at_transforms_where_its_route_has_none(acme):
    _, composition, _ = check(PROTECTED + ROUTE.format(""), "x", only={"sinks.x"})
    assert "sinks.x" in composition.broken
    _, composition, _ = check(PROTECTED + ROUTE.format(""), "x", only={"filters"})
    assert not composition.broken


def test_a_broken_transform_is_told_instead_of_what_it_might_do(acme):
    text = PROTECTED + '[transforms.a]\ntype = "clean"\nx = 1\n' + ROUTE.format('"a"')
    assert told(text) == ["transforms.a.x: unknown key; known: mode"]


def test_a_disabled_route_to_a_de_identified_sink_is_no_fault(acme):
    assert not told(PROTECTED + ROUTE.format("") + "disabled = true\n")


@pytest.mark.parametrize(
    ("distribution", "is_ours"),
    [
        ("hilum-filter-tags", True),
        ("Hilum_Filter.Tags", True),  # another spelling of the same name
        ("hilum-filter-tags2", False),
        ("hilum-filter", False),
        ("acme-hilum-filter-tags", False),
        ("tags", False),
    ],
)
def test_a_distribution_that_is_only_called_like_a_standard_one_is_isolated(distribution, is_ours):
    assert is_standard(distribution) is is_ours


def test_a_type_that_is_only_called_like_a_standard_one_is_isolated(install):
    install("acme", {"acme_tags": "raise SystemExit"}, filters={"tags": "acme_tags"})
    own = '[filters.own]\ntype = "hilum-filter-tags:tags"\nwhere = {}\n'
    composition = check(LEAST + '[filters.f]\ntype = "acme:tags"\n' + own, "x", only={"filters"})[1]
    assert set(composition.isolated) == {"filters.f"}
