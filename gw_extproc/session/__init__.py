"""One response being made, whoever carries it: inline between Envoy's messages, or by a model call of our own."""
