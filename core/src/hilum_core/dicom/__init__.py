"""The wire: associations in both directions, over plain sockets. Knows no queue and no config file.

`acceptor` and `server` receive, `requestor` sends. Below them stand `channel` (a connection),
`stream` (bytes into PDUs), `negotiation` and `command` (the two codecs), `contexts` (what is offered
and what is accepted) and `statuses` (what an answer to C-STORE means).
"""
