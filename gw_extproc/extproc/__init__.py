"""The external processor: Envoy's ext_proc exchange over gRPC."""

import os

POLLING = "-event_engine_listener"
"""What of gRPC is switched off: it reads that from GRPC_EXPERIMENTS while it is imported, so here, before any module of this package does.

Its event engine lets threads of its own read the sockets, and they hand on to the one that waits for asyncio's completions; without it
that thread reads by itself, for a fifth less CPU a streamed token. Who sets GRPC_EXPERIMENTS has his way. An "experiment" is gRPC's word
for any part that can be switched: https://github.com/grpc/grpc/pull/34100 says how.
"""

os.environ.setdefault("GRPC_EXPERIMENTS", POLLING)
