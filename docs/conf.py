"""Sphinx's settings. `make docs` builds into docs/_build/html, and a warning is an error."""

import tomllib
from pathlib import Path

with (Path(__file__).parent.parent / "pyproject.toml").open("rb") as _file:
    _project = tomllib.load(_file)["project"]

project = "Hilum"
author = "the Hilum authors"
copyright = "the Hilum authors; Apache-2.0"
version = release = _project["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "code"
nitpicky = False

myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3

# The SDK's docstrings are NumPy's; what a protocol's property is stands in its type.
napoleon_google_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"

html_theme = "furo"
html_title = f"Hilum {release}"
html_show_sourcelink = False
html_copy_source = False
