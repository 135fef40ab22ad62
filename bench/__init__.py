"""Hilum beside others, in one run on one machine: `python -m bench`, or `make bench`.

Three contests: *receive* (one sender of our own into each receiver), *send* (each sender into DCMTK's
`storescp --ignore`) and *route* (sender, router, archive). Rounds are interleaved, so that what else the
machine does falls on all alike; what arrives is compared with what was sent, byte for byte.
"""
