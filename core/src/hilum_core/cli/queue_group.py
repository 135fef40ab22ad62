"""`hilum queue`: the table of its subcommands."""

from __future__ import annotations

import click

from hilum_core.cli.group import Entry, EntryGroup

COMMANDS = {
    "status": Entry("hilum_core.cli.queue_look:status", "Show the queue in figures; --check for monitoring."),
    "list": Entry("hilum_core.cli.queue_look:list_rows", "List objects, or the deliveries of a sink."),
    "show": Entry("hilum_core.cli.queue_look:show", "Show all that is known of one object."),
    "retry": Entry("hilum_core.cli.queue_act:retry", "Try dead or waiting deliveries again, now."),
    "cancel": Entry("hilum_core.cli.queue_act:cancel", "End deliveries or objects, on record."),
    "held": Entry("hilum_core.cli.queue_held:held", "Count what is held, by reason, day and sender."),
    "release": Entry("hilum_core.cli.queue_act:release", "Let what is held go on."),
    "redirect": Entry("hilum_core.cli.queue_act:redirect", "Deliver to another sink instead."),
}


@click.group(cls=EntryGroup, entries=COMMANDS)
def queue() -> None:
    """Look at the queue of a router, and act on it, whether the router runs or not."""
