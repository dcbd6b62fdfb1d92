"""Another gateway beside ours, in a virtual environment of its own; `python -m bench.peers`."""
