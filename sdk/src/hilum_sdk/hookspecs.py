"""The six hooks by which plugins register. Each docstring is a whole plugin.

Pluggy registers; it carries no image. After start-up the core calls components directly, in the
order of the config.
"""

# A hookspec has no body: pluggy calls the implementations in its place.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from hilum_sdk.specs import (
    CommandSpec,
    CommitmentCheckSpec,
    FilterSpec,
    ServiceSpec,
    SinkSpec,
    TransformSpec,
)

PROJECT = "hilum"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def hilum_register_filters() -> Iterable[FilterSpec]:
    """Register filters, declared in the entry-point group ``hilum.filters``.

    *Called:* once in every process that loads plugins, if the config names a filter of this plugin.

    *If it raises:* the plugin is broken; routes that use it wait, reception goes on, and
    `hilum check` names the distribution, its version and the reason.

    Example
    -------
    A plugin in one module, ``hilum_filter_weekend.py``::

        import attrs
        from hilum_sdk import Filter, FilterSpec, about, hookimpl

        @attrs.frozen(kw_only=True)
        class WeekendConfig:
            sunday_only: bool = attrs.field(default=False, metadata=about("Leave Saturdays out"))

        class Weekend(Filter):
            needs = frozenset()

            def matches(self, header, instance):
                return instance.received_at.weekday() >= (6 if self.config.sunday_only else 5)

        @hookimpl
        def hilum_register_filters():
            yield FilterSpec(type="weekend", config=WeekendConfig, create=Weekend)

    and in its ``pyproject.toml``::

        [project.entry-points."hilum.filters"]
        weekend = "hilum_filter_weekend"
    """


@hookspec
def hilum_register_transforms() -> Iterable[TransformSpec]:
    """Register transforms, declared in the entry-point group ``hilum.transforms``.

    *Called:* once in every process that loads plugins, if the config names a transform of this plugin.

    *If it raises:* the plugin is broken; its deliveries wait, and nothing is ever sent untransformed.

    Example
    -------
    ::

        import attrs
        from hilum_sdk import Transform, TransformSpec, hookimpl

        @attrs.frozen(kw_only=True)
        class StationConfig:
            name: str

        class Station(Transform):
            def apply(self, draft):
                draft.dataset.StationName = self.config.name

        @hookimpl
        def hilum_register_transforms():
            yield TransformSpec(type="station", config=StationConfig, create=Station)
    """


@hookspec
def hilum_register_sinks() -> Iterable[SinkSpec]:
    """Register sinks, declared in the entry-point group ``hilum.sinks``.

    *Called:* once in every process that loads plugins, if the config names a sink of this plugin.

    *If it raises:* the plugin is broken; its lane waits with all its objects, other lanes go on.

    Example
    -------
    ::

        import os
        from pathlib import Path
        import attrs
        from hilum_sdk import Receipt, Sink, SinkSpec, hookimpl

        @attrs.frozen(kw_only=True)
        class DropConfig:
            path: Path

        class Drop(Sink):
            def deliver(self, item):
                target = self.config.path / f"{item.id}.dcm"
                with item.part10() as source, target.open("wb") as out:
                    while chunk := source.read(1 << 20):
                        out.write(chunk)
                    out.flush()
                    os.fsync(out.fileno())
                return Receipt(location=str(target))

        @hookimpl
        def hilum_register_sinks():
            yield SinkSpec(type="drop", config=DropConfig, create=Drop)
    """


@hookspec
def hilum_register_checks() -> Iterable[CommitmentCheckSpec]:
    """Register commitment checks, declared in the entry-point group ``hilum.checks``.

    *Called:* once in every process that loads plugins, if the config names a check of this plugin.

    *If it raises:* the plugin is broken; what it should confirm stays ``sent`` and is shown as such.

    Example
    -------
    ::

        import attrs
        from hilum_sdk import CheckResult, CommitmentCheck, CommitmentCheckSpec, hookimpl

        @attrs.frozen(kw_only=True)
        class TrustConfig:
            pass

        class Trust(CommitmentCheck):
            def ask(self, request):
                return [CheckResult(reference=r, verdict="kept") for r in request.references]

        @hookimpl
        def hilum_register_checks():
            yield CommitmentCheckSpec(type="trust", config=TrustConfig, create=Trust)
    """


@hookspec
def hilum_register_services() -> Iterable[ServiceSpec]:
    """Register services, declared in the entry-point group ``hilum.services``.

    *Called:* once in the process of the service, if the config names it.

    *If it raises:* the service does not start; the flow of images goes on.

    Example
    -------
    ::

        import time
        import attrs
        from hilum_sdk import Service, ServiceSpec, hookimpl

        @attrs.frozen(kw_only=True)
        class PulseConfig:
            every_s: float = 60.0

        class Pulse(Service):
            def run(self):
                while not self.context.stopping():
                    self.context.logger.info("alive")
                    time.sleep(self.config.every_s)

        @hookimpl
        def hilum_register_services():
            yield ServiceSpec(type="pulse", config=PulseConfig, create=Pulse)
    """


@hookspec
def hilum_register_commands() -> Iterable[CommandSpec]:
    """Register subcommands of `hilum`, declared in the entry-point group ``hilum.commands``.

    *Called:* by `hilum` when such a command is asked for, or its help is shown.

    *If it raises:* the command is missing and `hilum plugins` says why; all others work.

    Example
    -------
    ::

        from hilum_sdk import CommandSpec, hookimpl

        @hookimpl
        def hilum_register_commands():
            yield CommandSpec(name="greet", summary="Say hello", command="acme_tools.greet:command")
    """
