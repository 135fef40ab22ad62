"""All problems of a config as one text for people."""

from __future__ import annotations

from collections.abc import Sequence

from hilum_sdk.config import ConfigProblem

_WIDEST = 80


def report(problems: Sequence[ConfigProblem], source: str, *, notes: Sequence[ConfigProblem] = ()) -> str:
    """Write one line for each problem, whose component it is at the right, and the notes after them.

    The lines quote values of the config: show them to who edits it, do not log them.
    """
    count = f"{len(problems) or 'no'} problem{'' if len(problems) == 1 else 's'}"
    lines = [f"{source}: {count}", *_lines(problems)]
    if notes:
        lines += ["worth a look:", *_lines(notes)]
    return "\n".join(lines)


def _lines(problems: Sequence[ConfigProblem]) -> list[str]:
    told = [f"  {problem}" for problem in problems]
    widths = [len(line) for line, problem in zip(told, problems, strict=True) if problem.origin]
    column = min(_WIDEST, max(widths, default=0))
    return [
        f"{line:<{column}}  ({problem.origin})" if problem.origin else line
        for line, problem in zip(told, problems, strict=True)
    ]
