"""Pydantic models of the public API: validation at the door."""
