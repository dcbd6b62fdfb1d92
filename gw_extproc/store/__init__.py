"""What outlives a request: records, conversations and the gateway's own keys, over the Redis protocol."""

from gw_extproc.store import unmeasured as unmeasured
