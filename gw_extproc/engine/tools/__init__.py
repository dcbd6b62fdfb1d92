"""The tools that the gateway runs itself: one module each, put together in `toolset`."""
