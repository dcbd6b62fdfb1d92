"""The measuring itself: that its parts count right. No test asserts a time."""
