"""`hilum plugins`: what is installed, and what a component's settings mean."""

import json


def test_the_standard_plugins_are_listed_by_kind(hilum):
    shown = hilum("plugins")
    assert shown.exit_code == 0
    words = [line.split()[:3] for line in shown.stdout.splitlines()]
    assert ["filter", "tags", "hilum-filter-tags"] in words
    assert ["transform", "deidentify", "hilum-transform-deidentify"] in words
    assert ["transform", "edit", "hilum-transform-edit"] in words
    assert ["sink", "dicom", "hilum-sink-dicom"] in words
    assert ["sink", "folder", "hilum-sink-folder"] in words
    assert shown.stdout == hilum("plugins", "list").stdout


def test_the_list_is_json_on_demand(hilum):
    rows = json.loads(hilum("plugins", "list", "--json").stdout)
    (folder,) = [row for row in rows if row["type"] == "folder"]
    assert folder["kind"] == "sinks"
    assert folder["distribution"] == "hilum-sink-folder"
    assert folder["origin"].startswith("/")


def test_a_clash_is_noted_with_the_way_out(hilum, install):
    install("acme", entry_points="[hilum.sinks]\nfolder = acme\n", modules={"acme": ""})
    rows = json.loads(hilum("plugins", "list", "--json").stdout)
    assert [row["clashes_with"] for row in rows if row["distribution"] == "acme"] == [
        ["hilum-sink-folder 0.1.0"]
    ]
    shown = hilum("plugins", COLUMNS="300").stdout
    assert "also in acme 1.0: write hilum-sink-folder:folder" in shown


def test_show_explains_every_key_of_a_component_and_of_the_core(hilum):
    shown = hilum("plugins", "show", "folder")
    assert shown.exit_code == 0
    assert '[sinks.NAME]\ntype = "folder"\n' in shown.stdout
    assert "\npath: a path, required\n    The folder" in shown.stdout
    assert '\ndelivery.first_retry: a duration such as "15m", default "10s"\n' in shown.stdout
    assert shown.stdout == hilum("plugins", "show", "hilum-sink-folder:folder").stdout


def test_show_is_json_on_demand(hilum):
    (folder,) = json.loads(hilum("plugins", "show", "folder", "--json").stdout)
    assert folder["keys"][0]["key"] == "path"
    assert "delivery" in [key["key"] for key in folder["core_keys"]]


def test_show_of_an_unknown_type_names_the_nearest(hilum):
    shown = hilum("plugins", "show", "foldr")
    assert shown.exit_code == 1
    assert shown.stderr == "hilum: nothing of the type 'foldr' is installed; did you mean 'folder'?\n"


def test_show_blames_a_broken_plugin_without_quoting_it(hilum, install):
    install(
        "acme", entry_points="[hilum.sinks]\nbroken = acme\n", modules={"acme": "raise ValueError('DOE')"}
    )
    shown = hilum("plugins", "show", "broken")
    assert shown.exit_code == 1
    assert "acme 1.0" in shown.stderr
    assert "ValueError at acme.py:1" in shown.stderr
    assert "DOE" not in shown.output
