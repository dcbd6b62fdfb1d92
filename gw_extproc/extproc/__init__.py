"""The external processor: Envoy's ext_proc exchange over gRPC."""
