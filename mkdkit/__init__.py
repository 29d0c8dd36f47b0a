"""Mentor-KD, step by step: reasoning distilled from a teacher, through a mentor, to a student."""

__version__ = "0.1.0"
