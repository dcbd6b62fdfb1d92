"""The HTTP application: every endpoint once, whoever carries it (Envoy's ext_proc stream, or a listener of its own)."""
