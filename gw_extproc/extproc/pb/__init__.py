"""Generated message classes of Envoy's external processing API (see protos/, `make protos`)."""
