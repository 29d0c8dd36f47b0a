"""Where rationales come from."""
