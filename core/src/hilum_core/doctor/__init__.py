"""`hilum doctor`: looks at all that a router rests on, beside a running one or without, and changes nothing.

What mends something stands apart (`rebuild`, `backup`), and is done only when a person asks for it.
"""
