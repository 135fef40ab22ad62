"""Processes that run plugins: how a coordinator starts, feeds, watches and ends them.

A coordinator pushes *items* to a worker and keeps a list of what the worker has in hand; the worker
says which item it begins, and what became of it. When a worker dies or has to be killed, the
coordinator so knows exactly which object and which component were at work.
"""
