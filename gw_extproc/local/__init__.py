"""What runs on this machine: the embedded Envoy, its configuration, the supervisor and the demo model."""
