"""The config file becomes settings; every fault is told at once, and what is faulty is left out."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import tomli
from hypothesis import example, given
from hypothesis import strategies as st

from hilum_core.config import (
    Config,
    DeliverySettings,
    ListenAddress,
    Reception,
    load,
    load_reception,
    report,
)
from hilum_sdk.config import ConfigProblems, toml_text

LEAST = '[router]\nstate_dir = "/var/lib/hilum"\n'
WHOLE = """
[router]
ae_title = "ROUTER"
listen = "[::1]:104"
state_dir = "/var/lib/hilum"
refuse_below_free = "20 GiB"

[peers.ct1]
ae_title = "CT1"
host = "10.1.20.5"
may_send = true
prefer = ["JPEG2000Lossless", "1.2.840.10008.1.2.1"]

[peers.pacs]
ae_title = "PACS"
host = "pacs.hospital.example"
port = 104

[filters.ct]
type = "tags"
where = { Modality = ["CT"] }

[transforms.tidy]
type = "edit"

[sinks.pacs]
type = "dicom"
peer = "pacs"
delivery = { first_retry = "5s" }

[sinks.resting]
type = "folder"
disabled = true
description = "until the new disk is there"

[[routes]]
name = "clinical"
from = ["ct1"]
filters = ["ct"]
transforms = ["tidy"]
sinks = ["pacs", "resting"]
stop = true
"""


def faults(text: str) -> list[str]:
    _, problems = load(text, source="hilum.toml")
    return [str(problem) for problem in problems]


def refusal(text: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        load(text, source="hilum.toml")
    return [str(problem) for problem in caught.value.problems]


def test_a_whole_config_is_typed():
    config, problems = load(WHOLE, source="hilum.toml")
    assert not problems
    assert not config.notes
    assert config.router.listen == ListenAddress("::1", 104)
    assert config.router.refuse_below_free == 20 * 2**30
    assert config.peers["ct1"].prefer == ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1")
    assert config.filters["ct"].table == {"where": {"Modality": ["CT"]}}
    assert config.sinks["pacs"].label == "sinks.pacs"
    assert config.sinks["pacs"].delivery == DeliverySettings(first_retry=timedelta(seconds=5))
    assert config.sinks["resting"].disabled
    (route,) = config.routes
    assert (route.from_, route.filters, route.transforms) == (("ct1",), ("ct",), ("tidy",))
    assert (route.sinks, route.stop, route.return_to_sender) == (("pacs", "resting"), True, False)


def test_the_defaults_are_those_that_are_promised():
    router = load(LEAST, source="x")[0].router
    assert str(router.listen) == "127.0.0.1:11112"
    assert router.state_dir == Path("/var/lib/hilum")
    assert (router.ae_title, router.unmatched, router.keep_settled) == ("HILUM", "hold", timedelta(days=1))
    assert (router.receive_processes, router.route_workers, router.render_workers) == (2, 1, 1)
    assert (router.most_associations, router.idle_timeout) == (64, timedelta(seconds=60))
    assert (router.refuse_below_free, router.worker_memory) == (None, 2 * 2**30)
    assert (router.stop_within, router.filter_timeout) == (timedelta(seconds=30), timedelta(seconds=10))
    assert router.transform_timeout == timedelta(minutes=5)
    assert DeliverySettings() == DeliverySettings(
        workers=1,
        first_retry=timedelta(seconds=10),
        longest_retry=timedelta(minutes=15),
        give_up_after=timedelta(days=14),
        timeout=timedelta(minutes=10),
        refused_tries=5,
    )


def test_bad_config_of_every_kind_comes_in_one_report():
    text = """
[router]
state_dir = "/var/lib/hilum"

[peers.ct1]
ae_title = "CT1"

[filters.ct]
type = "tags"
deidentified_only = true

[filters.off]
type = "tags"
disabled = true

[transforms]
tidy = "edit"

[sinks.archive]
type = "dicom"
delivery = { first_retry = "20m", wrokers = 2, give_up_after = 14 }
isolate = false
transcode = "JPEG2000"
confirm = "comitted"

[sinks.research]
disabled = "no"
confirm = "committed"

[sinks."a b"]
type = "folder"

[checks.committed]
type = "storage_commitment"

[[routes]]
name = "clinical"
from = ["ct2"]
filters = ["ct", "of", "off"]
sinks = ["achive", "archive", "archive"]
stpo = true

[[routes]]
name = "off"
filters = ["off"]
sinks = ["archive"]

[[routes]]
sinks = []

[[routes]]
name = "twice"
sinks = ["archive"]

[[routes]]
name = "twice"
sinks = ["research"]

[[route]]
name = "typo"

[metrics]
"""
    config, problems = load(text, source="hilum.toml")
    assert (
        report(problems, "hilum.toml", notes=config.notes)
        == """\
hilum.toml: 24 problems
  filters.ct.deidentified_only: only a sink has this key; take it out
  transforms.tidy: expected a table: [transforms.tidy]
  sinks.archive.delivery.longest_retry: must not be shorter than first_retry
  sinks.archive.delivery.wrokers: unknown key; did you mean 'workers'?
  sinks.archive.delivery.give_up_after: expected a duration such as "15m", got 14
  sinks.archive.isolate: a sink always has processes of its own; take it out
  sinks.archive.transcode: this version sends objects in the transfer syntax they have; take it out
  sinks.archive.confirm: no commitment check is called 'comitted'; did you mean 'committed'? there are: committed
  sinks.research.type: missing; give a string
  sinks.research.disabled: expected true or false, got "no"
  sinks.research.confirm: this version runs no commitment checks, they come with a later one; take it out
  sinks."a b": a name has 1 to 64 letters of a-z and A-Z, digits, '-' and '_'
  checks.committed: this version runs no commitment checks, they come with a later one; take it out
  routes[0].from[0]: no peer is called 'ct2'; there are: ct1
  routes[0].filters[1]: no filter is called 'of'; did you mean 'off'? there are: ct, off
  routes[0].sinks[0]: no sink is called 'achive'; did you mean 'archive'? there are: a b, archive, research
  routes[0].sinks[2]: is in the list twice
  routes[0].stpo: unknown key; did you mean 'stop'?
  routes[1].filters[0]: filters.off is disabled; take it out of the route, or disable the route
  routes[2].name: missing; give a string
  routes[2].sinks: must not be empty
  routes[4].name: routes[3] has the name 'twice' already; give each route its own
  route: unknown table; did you mean 'routes'?
  metrics: unknown table; known: router, peers, filters, transforms, sinks, checks, services, routes"""  # noqa: E501 - a report is shown as it is
    )
    assert list(config.sinks) == []
    assert [route.name for route in config.routes] == ["twice"]
    assert set(config.broken) == {
        "filters.ct",
        "transforms.tidy",
        "sinks.archive",
        "sinks.research",
        'sinks."a b"',
        "checks.committed",
        "routes[0]",
        "routes[1]",
        "routes[2]",
        "routes[4]",
    }


def test_a_route_of_names_that_nothing_has_is_no_more_than_a_fault():
    route = '[[routes]]\nname = "a"\nfilters = ["ct"]\ntransforms = ["tidy"]\nsinks = ["pacs"]\n'
    assert faults(LEAST + route + route) == [
        "routes[0].filters[0]: no filter is called 'ct'; there are none",
        "routes[0].transforms[0]: no transform is called 'tidy'; there are none",
        "routes[0].sinks[0]: no sink is called 'pacs'; there are none",
        "routes[1].name: routes[0] has the name 'a' already; give each route its own",
        "routes[1].filters[0]: no filter is called 'ct'; there are none",
        "routes[1].transforms[0]: no transform is called 'tidy'; there are none",
        "routes[1].sinks[0]: no sink is called 'pacs'; there are none",
    ]


def test_what_no_part_of_this_version_does_is_refused_rather_than_taken_and_not_done():
    text = LEAST + '[checks.a]\ntype = "gone"\nx = 1\n[services.b]\ntype = "gone"\ndisabled = true\n'
    assert faults(text) == [
        "checks.a: this version runs no commitment checks, they come with a later one; take it out",
        "services.b: this version runs no services, they come with a later one; take it out",
    ]
    assert refusal(LEAST + '[peers.a]\nae_title = "A"\nmay_report = false\n') == [
        "peers.a.may_report: this version takes no reports, they come with a later one; take it out"
    ]


def test_why_a_part_is_left_out_is_told_without_its_values():
    config, _ = load(LEAST + '[sinks.x]\ntype = "s3"\ndelivery = "hunter2"\n', source="x")
    assert config.broken == {"sinks.x": "the config is faulty at sinks.x.delivery; `hilum check` says how"}


def test_what_may_be_misspelt_routes_stops_routing_rather_than_lose_objects():
    config, _ = load(LEAST + '[[route]]\nname = "a"\nsinks = ["x"]\n', source="x")
    assert config.broken == {"routes[0]": "the table route is unknown and may be meant for routes"}
    config, _ = load("routes = 3\n" + LEAST, source="x")
    assert "routes[0]" in config.broken


def test_faults_of_router_and_peers_are_told_together_with_all_others():
    told = refusal("""
unmatched = "hold"
[router]
keep = "1d"
ae_title = "A VERY LONG AE TITLE"
listen = "11112"
unmatched = "drop"
worker_memory = "1MiB"
[peers.a]
ae_title = "CT1"
host = "10.1.2.300"
port = "104"
prefer = ["JPEG2001"]
[peers.b]
ae_title = "CT2"
[peers.c]
ae_title = "CT2"
[peers."d e"]
host = "x:104"
[sinks.x]
type = 3
""")
    assert (
        "\n".join(told)
        == """\
unmatched: unknown table; known: router, peers, filters, transforms, sinks, checks, services, routes
router.state_dir: missing; give a path
router.keep: unknown key; known: ae_title, also_called, filter_timeout, idle_timeout, keep_records, \
keep_settled, listen, listen_tls, most_associations, most_associations_of_a_peer, receive_processes, \
refuse_below_free, render_workers, route_workers, state_dir, stop_within, tls, transform_timeout, unmatched, \
worker_memory
router.ae_title: an AE title has 1 to 16 characters (PS3.5 6.2), got 20
router.listen: expected an address with port such as "127.0.0.1:11112" or "[::1]:11112"; \
a name is no address
router.unmatched: expected one of "hold", "discard", got "drop"
router.worker_memory: a worker needs at least "256MiB"
peers.a.host: '10.1.2.300' is no IP address
peers.a.port: expected an integer, got "104"
peers.a.prefer[0]: no transfer syntax is called 'JPEG2001'; did you mean 'JPEG2000'?
peers.c: has the AE title of peers.b, and either may call from any address, \
so nobody can tell which of them calls; \
give each an AE title or addresses of its own
peers."d e": a name has 1 to 64 letters of a-z and A-Z, digits, '-' and '_'
peers."d e".ae_title: missing; give a string
peers."d e".host: must be the name of a host or an IP address, without port, got 'x:104'
sinks.x.type: expected a string, got 3"""
    )


@pytest.mark.parametrize(
    "text", ["", "[peers]\n", 'router = "x"\n', LEAST + "[[peers]]\n", "peers = 1\n" + LEAST]
)
def test_reception_needs_router_and_peers(text):
    assert refusal(text)
    with pytest.raises(ConfigProblems):
        load_reception(text, source="x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[router\n", "hilum.toml: cannot be read as TOML: Expected ']' at the end of a table declaration"),
        ("x = 1\nx = 2\n", "hilum.toml: cannot be read as TOML: Cannot overwrite a value"),
        ("x = " + "[" * 100_000, "hilum.toml: cannot be read as TOML: tables or arrays are nested too"),
        ("[" + ".".join("a" * 5000) + "]", "hilum.toml: cannot be read as TOML: tables or arrays are nested"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_place(text, told):
    (only,) = refusal(text)
    assert only.startswith(told)


def test_reception_looks_at_router_and_peers_only():
    text = LEAST + "[peers.ct1]\nae_title = 'CT1'\n[sinks]\nx = 3\n[[routes]]\n[nonsense]\n"
    reception = load_reception(text, source="x")
    assert isinstance(reception, Reception)
    assert set(reception.peers) == {"ct1"}
    assert load(text, source="x")[0].peers == reception.peers


def namesakes(one, other):
    """A config with two peers of one AE title."""
    return f"{LEAST}[peers.a]\nae_title = 'CT'\n{one}\n[peers.b]\nae_title = 'CT'\n{other}\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("host = '10.0.0.1'", "host = '10.0.0.2'\nmay_send = true"),
        ("from_addresses = ['10.0.0.0/8']\nmay_send = true", "from_addresses = ['10.0.0.0/9']"),
        ("host = '10.0.0.1'\nmay_send = true", "host = 'roaming.example'"),
        ("host = 'pacs1.example'", "host = 'pacs2.example'"),  # neither sends
    ],
)
def test_two_peers_of_one_ae_title_may_be_told_apart_by_their_hosts(one, other):
    assert faults(namesakes(one, other)) == []


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("host = '10.0.0.1'", "host = '10.0.0.1'\nport = 105", " and host of peers.a"),
        (
            "host = '10.0.0.1'",
            "from_addresses = ['10.0.0.1']\nmay_send = true",
            " and from_addresses of peers.a",
        ),
        ("host = 'fd00::1'\nmay_send = true", "host = 'FD00:0::1'", " and host of peers.a"),
        ("host = '10.0.0.1'\nmay_send = true", "host = '::ffff:10.0.0.1'", " and host of peers.a"),
        (
            "host = 'a.example'\nmay_send = true",
            "host = 'b.example'",
            " of peers.a, and either may call from any",
        ),
        (
            "host = '10.0.0.1'\ncheck_address = false",
            "may_send = true",
            " of peers.a, and either may call from",
        ),
    ],
)
def test_of_two_peers_that_a_caller_can_be_the_config_says_so(one, other, shared):
    (only,) = refusal(namesakes(one, other))
    assert only.startswith(f"peers.b: has the AE title{shared}")


@pytest.mark.parametrize(
    ("listen", "text"),
    [
        ("127.0.0.1:0", None),
        ("0.0.0.0:104", None),
        ("[::]:65535", None),
        ("localhost:104", "expected an address"),
        ("::1:104", "expected an address"),
        ("[127.0.0.1]:104", "expected an address"),
        (":104", "expected an address"),
        ("1.2.3.4", "expected an address"),
        ("127.0.0.1:-1", "expected an address"),
        ("127.0.0.1:1 ", "expected an address"),
        ("127.0.0.1:65536", "the port must be 0 to 65535, got 65536"),
    ],
)
def test_an_address_to_listen_on_is_an_ip_address_with_a_port(listen, text):
    config = f'[router]\nstate_dir = "/x"\nlisten = "{listen}"\n'
    if text is None:
        assert str(load(config, source="x")[0].router.listen) == listen
    else:
        (only,) = refusal(config)
        assert only.startswith(f"router.listen: {text}")


def test_what_is_no_fault_but_looks_like_an_oversight_is_noted():
    config, problems = load(
        LEAST + '[peers.a]\nae_title = "A"\n[filters.f]\ntype = "tags"\n[sinks.x]\ntype = "folder"\n',
        source="x",
    )
    assert report(problems, "hilum.toml", notes=config.notes) == (
        "hilum.toml: no problems\n"
        "worth a look:\n"
        "  peers: nobody may send; give a peer may_send = true\n"
        "  routes: there is no route, so no object goes anywhere\n"
        "  filters.f: no route uses it\n"
        "  sinks.x: no route uses it"
    )


def test_a_disabled_route_may_use_what_is_disabled():
    text = LEAST + (
        '[filters.f]\ntype = "x"\ndisabled = true\n[sinks.s]\ntype = "x"\n'
        '[[routes]]\nname = "r"\nfilters = ["f"]\nsinks = ["s"]\ndisabled = true\n'
    )
    assert faults(text) == []


@pytest.mark.parametrize("module", ["hilum_core.config", "hilum_sdk.config", "hilum_sdk"])
def test_reading_a_config_loads_no_plugin_and_nothing_that_finds_plugins(module):
    code = (
        f"import sys, {module}\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "bad = loaded & {'pluggy', 'importlib_metadata', 'hilum_sink_folder', 'hilum_sink_dicom',"
        " 'hilum_filter_tags', 'hilum_transform_edit'}\n"
        "bad |= {name for name in sys.modules if name.startswith('hilum_core.registry')}\n"
        "sys.exit(f'loaded: {bad}' if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@example('\x7f\x00\x1f"\\\n\u2028')
def test_a_string_is_shown_as_toml_reads_it(text):
    assert tomli.loads(f"x = {toml_text(text)}")["x"] == text


lines = st.sampled_from(
    [line for line in WHOLE.splitlines() if line]
    + [
        "[[route]]",
        "sinks = 3",
        "type = 1",
        "[peers]",
        "port = 0",
        "[sinks]",
        "x = {a = [1]}",
        "isolate = 1",
    ]
)


@given(st.lists(lines, max_size=30).map("\n".join))
def test_whatever_the_text_it_is_a_config_or_config_problems(text):
    try:
        config, problems = load(LEAST + text, source="x")
    except ConfigProblems as error:
        assert error.problems
    else:
        assert isinstance(config, Config)
        assert bool(config.broken) <= bool(problems)
