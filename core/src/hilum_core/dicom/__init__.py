"""The wire: associations in both directions, over plain sockets. Knows no queue and no config file.

To receive: `server` accepts, `acceptor` serves one association, `reception` has what it asks of the rest
of the router. To send: `requestor` is one association, `calls` has what it is told and what it raises,
`opening`, `conversation` and `outbox` do its work.

Shared by both: `channel` (a connection), `stream` (bytes into PDUs), `pdu`, `negotiation` and `command`
(the codecs), `contexts` (what is offered and accepted), `statuses` (what an answer to C-STORE means).
"""
