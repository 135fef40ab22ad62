"""`hilum plugins`: what is installed, and what a component's settings mean."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import attrs
import click
from rich.console import Console

from hilum_core.cli.console import err, out, plain_table, print_json
from hilum_core.cli.failures import CommandError
from hilum_core.config import core_keys
from hilum_core.registry import PLUGIN_KINDS, Declared, PluginError, Registry
from hilum_core.registry.declared import SINGULAR
from hilum_sdk import CommandSpec
from hilum_sdk.config import FieldHelp, describe, nearest

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(invoke_without_command=True)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the installed plugins, and explain one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_plugins)


@plugins.command("list")
@json_option
def list_plugins(*, as_json: bool = False) -> None:
    """List every component and command that is declared, importing none."""
    registry = Registry.discover()
    declared = sorted(registry.declared, key=lambda one: (PLUGIN_KINDS.index(one.kind), one.type))
    if as_json:
        print_json([_facts(one) for one in declared])
        return
    origins = {str(one.origin) for one in declared}
    columns = ["kind", "type", "distribution", "version"]
    columns += ["origin"] if len(origins) > 1 else []
    columns += ["note"] if any(_note(one) for one in declared) else []
    table = plain_table(*columns)
    for one in declared:
        facts = {**_facts(one), "kind": SINGULAR[one.kind], "note": _note(one)}
        table.add_row(*(str(facts[column]) for column in columns))
    out().print(table)
    if len(origins) == 1:
        out().print(f"\nall in {origins.pop()}", soft_wrap=True)
    for name in registry.unreadable:
        err().print(f"the metadata of {name} cannot be read")


@plugins.command()
@click.argument("component_type", metavar="TYPE")
@json_option
def show(*, component_type: str, as_json: bool) -> None:
    """Explain a component: every key of its table in the config, with type, default and help.

    TYPE is as in the config; write DISTRIBUTION:TYPE where two distributions have one of that type.
    """
    registry = Registry.discover()
    explained = [_explain(registry, one) for one in _find(registry, component_type)]
    if as_json:
        print_json(explained)
        return
    for index, one in enumerate(explained):
        if index:
            click.echo()
        _print(out(), one)


@attrs.frozen(kw_only=True)
class Explained:
    """What `show` tells of one component or command; ``core_keys`` are those that the core reads."""

    kind: str
    type: str
    blame: str
    summary: str
    keys: Sequence[FieldHelp]
    core_keys: Sequence[FieldHelp]


def _find(registry: Registry, wanted: str) -> Sequence[Declared]:
    found = [one for one in registry.declared if wanted in (one.type, one.full_type) and not one.shadowed_by]
    if not found:
        near = nearest(wanted, (one.type for one in registry.declared))
        hint = f"did you mean {near!r}?" if near else "`hilum plugins` lists them"
        raise CommandError(f"nothing of the type {wanted!r} is installed; {hint}")
    return found


def _explain(registry: Registry, declared: Declared) -> Explained:
    try:
        spec = registry.spec(declared)
    except PluginError as error:
        raise CommandError(f"{declared.type}: the plugin is broken: {error.message}") from error
    keys: Sequence[FieldHelp] = ()
    shared: Sequence[FieldHelp] = ()
    if declared.kind != "commands" and not isinstance(spec, CommandSpec):
        keys = describe(spec.config)
        shared = [key for key in describe(core_keys(declared.kind)) if key.key != "type"]
    return Explained(
        kind=declared.kind,
        type=declared.type,
        blame=declared.blame,
        summary=spec.summary,
        keys=keys,
        core_keys=shared,
    )


def _print(console: Console, one: Explained) -> None:
    kind = next(SINGULAR[kind] for kind in PLUGIN_KINDS if kind == one.kind)
    console.print(f"{one.summary or one.type} ({kind} of {one.blame})")
    if one.kind == "commands":
        console.print(f"\n  hilum {one.type}")
        return
    console.print(f'\n[{one.kind}.NAME]\ntype = "{one.type}"', style="bold")
    for line in _lines(one.keys, console.width):
        console.print(line, soft_wrap=True)
    console.print(f"\nand, as in every table of [{one.kind}]:\n")
    for line in _lines(one.core_keys, console.width):
        console.print(line, soft_wrap=True)


def _lines(keys: Sequence[FieldHelp], width: int) -> Iterator[str]:
    for key in keys:
        default = "required" if key.is_required else f"default {key.default}" if key.default else "optional"
        yield f"{key.key}: {key.type}, {default}"
        example = f" Example: {key.example}" if key.example else ""
        yield from textwrap.wrap(
            key.help + example,
            width=min(width, 100),
            initial_indent="    ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _note(one: Declared) -> str:
    notes = [one.fault] if one.fault else []
    if one.shadowed_by:
        notes.append(f"shadowed by {one.shadowed_by}")
    if one.clashes_with:
        notes.append(f"also in {', '.join(one.clashes_with)}: write {one.full_type}")
    return "; ".join(notes)


def _facts(one: Declared) -> dict[str, object]:
    return {
        "kind": one.kind,
        "type": one.type,
        "distribution": one.distribution,
        "version": one.version,
        "origin": str(one.origin),
        "fault": one.fault,
        "shadowed_by": one.shadowed_by,
        "clashes_with": one.clashes_with,
    }
