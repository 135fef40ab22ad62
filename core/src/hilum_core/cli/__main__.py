"""`python -m hilum_core.cli`: the command `hilum` of this very interpreter."""

from hilum_core.cli import main

main()
