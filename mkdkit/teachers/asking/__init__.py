"""Rationales from a teacher behind an OpenAI-compatible server."""
