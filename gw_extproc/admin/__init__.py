"""The admin application: what operators look at, for all workers of a gateway whichever of them answers."""
