"""Drives the built program from outside: processes, readers of its streams, and waiting with deadlines."""
