"""Rationales from a teacher that is asked: behind a server, or on this machine."""
