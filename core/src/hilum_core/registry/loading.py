"""Imports a plugin's module and asks its hook, so that whatever goes wrong is blamed on that plugin alone."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import islice
from typing import Any

import pluggy

from hilum_core.registry.declared import Declared, PluginKind
from hilum_core.registry.faults import PluginError, place_of
from hilum_sdk import (
    CommandSpec,
    CommitmentCheckSpec,
    FilterSpec,
    ServiceSpec,
    SinkSpec,
    TransformSpec,
    hookspecs,
)
from hilum_sdk.config import nearest

Spec = FilterSpec | TransformSpec | SinkSpec | CommitmentCheckSpec | ServiceSpec | CommandSpec
_SPECS: Mapping[PluginKind, type[Any]] = {
    "filters": FilterSpec,
    "transforms": TransformSpec,
    "sinks": SinkSpec,
    "checks": CommitmentCheckSpec,
    "services": ServiceSpec,
    "commands": CommandSpec,
}
_HOOKS: Mapping[PluginKind, str] = {kind: f"hilum_register_{kind}" for kind in _SPECS}
_MOST_SPECS = 1000


class _Fault(Exception):  # noqa: N818 - it never leaves this module
    """What is wrong, still without the name of the plugin."""


class PluginLoader:
    """Loads plugins at their first use, and remembers those that are broken."""

    def __init__(self, declared: Iterable[Declared]) -> None:
        self._declared = tuple(declared)
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._specs: dict[tuple[str, str, PluginKind], Mapping[str, Spec] | str] = {}

    def spec(self, declared: Declared) -> Spec:
        """Give the spec of a component or command.

        Raises
        ------
        PluginError
            Its plugin is broken, for all that it declares of this kind.
        """
        if declared.fault:
            raise PluginError(declared.fault, blame=declared.blame)
        key = (declared.distribution, declared.entry_point.value, declared.kind)
        if key not in self._specs:
            try:
                self._specs[key] = self._ask(declared, self._module(declared))
            except _Fault as fault:
                self._specs[key] = str(fault)
        specs = self._specs[key]
        if isinstance(specs, str):
            raise PluginError(specs, blame=declared.blame)
        return specs[declared.type]

    def _module(self, declared: Declared) -> object:
        name = f"{declared.distribution}:{declared.entry_point.value}"
        plugin = self._manager.get_plugin(name)
        if plugin is not None:
            return plugin
        plugin = _import(declared.entry_point.value)
        owner = self._manager.get_name(plugin)
        if owner is not None:
            raise _Fault(f"its module belongs to {owner.partition(':')[0]}")
        try:
            self._manager.register(plugin, name)
            # pluggy keeps quiet about hooks that do not exist, unless it is asked.
            self._manager.check_pending()
        except Exception as error:  # noqa: BLE001 - pluggy reads every attribute, and a module may resist
            is_misfit = isinstance(error, pluggy.PluginValidationError)
            fault = self._misfit(plugin) if is_misfit else place_of(error)
            self._manager.unregister(name=name)
            raise _Fault(fault) from None
        return plugin

    def _misfit(self, plugin: object) -> str:
        for name, hook in vars(self._manager.hook).items():
            mine = [impl for impl in hook.get_hookimpls() if impl.plugin is plugin] if name[:1] != "_" else []
            if mine and not hook.has_spec():
                near = nearest(name, _HOOKS.values())
                return f"there is no hook {name}" + (f"; did it mean {near}?" if near else "")
        return "its hooks do not have the arguments that they should have"

    def _ask(self, declared: Declared, plugin: object) -> Mapping[str, Spec]:
        """Call one plugin's hook alone, so that no other plugin can spoil it, and check what it gives."""
        hook_name, spec_class = _HOOKS[declared.kind], _SPECS[declared.kind]
        hook = getattr(self._manager.hook, hook_name)
        mine = [impl for impl in hook.get_hookimpls() if impl.plugin is plugin]
        if not mine:
            raise _Fault(f"its module has no hook {hook_name}")
        given = [spec for impl in mine for spec in _results(hook_name, impl)]
        for spec in given:
            if not isinstance(spec, spec_class):
                raise _Fault(f"{hook_name} gave a {type(spec).__name__}, not a {spec_class.__name__}")
        specs = {_name(spec): spec for spec in given}
        if len(specs) != len(given):
            raise _Fault(f"{hook_name} gives a type more than once")
        names = self._names_like(declared)
        if specs.keys() != names:
            registered, entries = ", ".join(sorted(specs)) or "nothing", ", ".join(sorted(names))
            raise _Fault(f"{hook_name} gives {registered}, but the entry points declare {entries}")
        return specs

    def _names_like(self, declared: Declared) -> set[str]:
        """Give what the same module of the same distribution declares of the same kind."""
        return {
            other.type
            for other in self._declared
            if (other.distribution, other.entry_point.value, other.kind, other.shadowed_by)
            == (declared.distribution, declared.entry_point.value, declared.kind, declared.shadowed_by)
        }


def import_object(name: str) -> Any:
    """Import what ``package.module`` or ``package.module:attribute`` names; raises what the import raises."""
    module_name, _, attributes = name.partition(":")
    module = importlib.import_module(module_name.strip())
    return reduce(getattr, filter(None, attributes.strip().split(".")), module)


def _import(name: str) -> Any:
    try:
        return import_object(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        raise _Fault(f"cannot be imported: {place_of(error)}") from None


def _results(hook_name: str, impl: pluggy.HookImpl) -> list[Any]:
    if impl.wrapper or impl.hookwrapper:
        raise _Fault(f"{hook_name} is a wrapper, which registers nothing")
    try:
        given = impl.function()
        if isinstance(given, Iterable):
            # A generator raises only when it is iterated, and it may have no end.
            return list(islice(given, _MOST_SPECS))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
        raise _Fault(f"{hook_name} {place_of(error)}") from None
    raise _Fault(f"{hook_name} gave a {type(given).__name__}, not specs")


def _name(spec: Spec) -> str:
    return spec.name if isinstance(spec, CommandSpec) else spec.type
