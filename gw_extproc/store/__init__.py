"""What outlives a request: records, conversations and the gateway's own keys, over the Redis protocol."""
