"""An HTTP/1.1 client for one server: llhttp reads what it answers, asyncio carries it, and nothing is added to what is asked.

It knows nothing of the gateway. A `Client` keeps connections to its server (`client`); each `Connection` carries one exchange at a
time (`connection`), whose answer is an `Incoming` that is fed with bytes (`incoming`). What goes out is written by `outgoing`;
`reaching` finds the way to the server, and `silence` ends what takes too long.
"""
