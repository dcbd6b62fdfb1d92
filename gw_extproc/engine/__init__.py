"""Responses that take more than one model call, or outlive their request."""
