"""Finds plugins by their metadata, loads those that a config names, names the culprit when one is broken."""

from hilum_core.config import report
from hilum_core.registry.checking import check
from hilum_core.registry.components import Composed
from hilum_core.registry.composing import Composition
from hilum_core.registry.declared import PLUGIN_KINDS, SINGULAR, Declared, PluginKind
from hilum_core.registry.faults import PluginError
from hilum_core.registry.isolation import Isolated, is_standard
from hilum_core.registry.registry import Registry, commands

__all__ = [
    "PLUGIN_KINDS",
    "SINGULAR",
    "Composed",
    "Composition",
    "Declared",
    "Isolated",
    "PluginError",
    "PluginKind",
    "Registry",
    "check",
    "commands",
    "is_standard",
    "report",
]
