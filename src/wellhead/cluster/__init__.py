"""Gives a worker that shares its tasks with others; who owns a partition of the assignment topic owns its task."""
