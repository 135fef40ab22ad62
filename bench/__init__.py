"""Hilum beside others, in one run on one machine: `python -m bench`, or `make bench`.

`bench.contests` holds what is raced for, a module each; `bench.contestants` who takes part; `bench.programs`
what is started as a process of its own. Rounds are interleaved, so that what else the machine does falls on
all alike; what arrives is compared with what was sent, byte for byte. `bench.goals` says what is to be
reached.
"""
