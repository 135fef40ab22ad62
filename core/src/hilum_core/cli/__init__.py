"""The commands of `hilum`. A command is imported when it is asked for, and imports the rest itself."""

from hilum_core.cli.group import main

__all__ = ["main"]
