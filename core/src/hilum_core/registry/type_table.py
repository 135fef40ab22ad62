"""Which declared component a ``type`` of the config means, and what to say when it is none or several."""

from __future__ import annotations

from collections.abc import Sequence

from hilum_core.registry.declared import SINGULAR, Declarations, Declared, PluginKind
from hilum_core.registry.versions import normalized
from hilum_sdk.config import ConfigProblem, ConfigProblems, nearest


class TypeTable:
    """Finds components by kind and type."""

    def __init__(self, declarations: Declarations) -> None:
        self._all = declarations.declared
        self._unreadable = declarations.unreadable

    def find(self, kind: PluginKind, wanted: str, *, where: str) -> Declared:
        """Find the one component that ``"folder"`` or ``"hilum-sink-folder:folder"`` means.

        Raises
        ------
        ConfigProblems
            There is none, or there are several; at `where`.
        """
        distribution, _, name = wanted.rpartition(":")
        found = [
            declared
            for declared in self._usable(kind)
            if declared.type == name
            and (not distribution or normalized(declared.distribution) == normalized(distribution))
        ]
        owners = {declared.distribution for declared in found}
        if len(owners) == 1:
            return found[0]
        text = self._several(name, found) if found else self._none(kind, wanted)
        raise ConfigProblems([ConfigProblem(where, text)])

    def _usable(self, kind: PluginKind) -> Sequence[Declared]:
        return [declared for declared in self._all if declared.kind == kind and not declared.shadowed_by]

    def _several(self, name: str, found: Sequence[Declared]) -> str:
        owners = " and ".join(declared.blame for declared in found)
        choices = " or ".join(f'type = "{declared.full_type}"' for declared in found)
        return f"{name!r} is a type of {owners}; write {choices}"

    def _none(self, kind: PluginKind, wanted: str) -> str:
        usable = sorted(self._usable(kind), key=lambda declared: (declared.type, declared.distribution))
        name = wanted.rpartition(":")[2]
        names = [declared.full_type if ":" in wanted else declared.type for declared in usable]
        near = nearest(wanted, names)
        installed = ", ".join(f"{declared.type} ({declared.blame})" for declared in usable)
        sentences = [
            f"no {SINGULAR[kind]} of the type {wanted!r} is installed"
            + (f"; did you mean {near!r}?" if near else ""),
            f"installed: {installed}" if installed else f"no {SINGULAR[kind]} is installed at all",
        ]
        sentences += [
            f"{name!r} is a type of {SINGULAR[declared.kind]}, which stands under [{declared.kind}.…]"
            for declared in self._all
            if declared.type == name and declared.kind != kind and not declared.shadowed_by
        ]
        sentences += [
            f"{declared.blame} in {declared.origin} has it, but {declared.shadowed_by} comes before it"
            for declared in self._all
            if declared.type == name and declared.kind == kind and declared.shadowed_by
        ]
        if self._unreadable:
            sentences.append(
                f"the metadata of {', '.join(self._unreadable)} cannot be read and may declare it"
            )
        return "; ".join(sentences).replace("?; ", "? ")
