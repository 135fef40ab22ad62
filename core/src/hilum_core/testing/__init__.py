"""A whole router for tests: real processes, a real port, a state directory of its own."""

from hilum_core.testing.router import RunningRouter, running_router

__all__ = ["RunningRouter", "running_router"]
