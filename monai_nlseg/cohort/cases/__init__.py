"""The cases that a folder or a list holds."""
