"""The method as stages, and the settings of whole runs."""
