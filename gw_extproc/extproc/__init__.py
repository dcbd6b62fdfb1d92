"""The external processor: Envoy's ext_proc exchange over gRPC."""

import os

POLLING = "-event_engine_listener"
"""What of gRPC is switched off. It reads GRPC_EXPERIMENTS while it is imported, so this stands before any module of the package.

gRPC's event engine lets threads of its own read the sockets, which hand on to the one that waits for asyncio's completions; without it
that one reads by itself, for a fifth less CPU a streamed token. Who sets GRPC_EXPERIMENTS has his way. "Experiment" is gRPC's word for
any part that can be switched: https://github.com/grpc/grpc/pull/34100 says how.
"""

os.environ.setdefault("GRPC_EXPERIMENTS", POLLING)
