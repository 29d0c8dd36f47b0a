"""Figures, cards and widgets: numbers and records in, pictures out."""
