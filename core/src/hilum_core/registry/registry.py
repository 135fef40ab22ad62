"""The plugins that are installed: what they declare, what they register, and what a config makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hilum_core.config import Flow
from hilum_core.registry.composing import Composer, Composition
from hilum_core.registry.declared import Declarations, Declared, read_declarations
from hilum_core.registry.faults import PluginError
from hilum_core.registry.loading import PluginLoader, Spec
from hilum_core.registry.type_table import TypeTable
from hilum_sdk import CommandSpec


class Registry:
    """Knows every plugin by its metadata; imports one when it is asked for."""

    def __init__(self, declarations: Declarations) -> None:
        self._declarations = declarations
        self._loader = PluginLoader(declarations.declared)
        self._types = TypeTable(declarations)

    @classmethod
    def discover(cls) -> Registry:
        """Read the metadata of all distributions on the path; nothing is imported."""
        return cls(read_declarations())

    @property
    def declared(self) -> tuple[Declared, ...]:
        """Every component and command that is declared, shadowed and clashing ones too."""
        return self._declarations.declared

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The distributions whose metadata cannot be read."""
        return self._declarations.unreadable

    def spec(self, declared: Declared) -> Spec:
        """Import a plugin and give the spec of one thing that it declares. Raises `PluginError`."""
        if declared.shadowed_by:
            raise PluginError(f"{declared.shadowed_by} comes first on the path", blame=declared.blame)
        return self._loader.spec(declared)

    def compose(
        self,
        config: Flow,
        *,
        peer_names: Collection[str] | None = None,
        only: Collection[str] | None = None,
    ) -> Composition:
        """Bring the components of a config together with their plugins.

        Parameters
        ----------
        peer_names
            The peers that may be named, if more than those of `config`, which may have lost some to
            their own faults.
        only
            Kinds (``"filters"``) and labels (``"sinks.pacs"``) to compose; the plugins of all others
            are not imported, so that one that hangs or crashes at import stops nobody else. Of a kind,
            nor are those that run isolated.
        """
        names = config.peers.keys() if peer_names is None else peer_names
        return Composer(self._types, self._loader, config, names, only).compose()

    def commands(self) -> Iterator[CommandSpec]:
        """Give the subcommands that plugins add, without those that are broken or claimed twice."""
        for declared in self.declared:
            if declared.kind != "commands" or declared.clashes_with:
                continue
            try:
                spec = self.spec(declared)
            except PluginError:
                continue  # `hilum plugins` says why; all other commands work
            assert isinstance(spec, CommandSpec)
            yield spec


def commands() -> tuple[CommandSpec, ...]:
    """Give the subcommands that the installed plugins add."""
    return tuple(Registry.discover().commands())
