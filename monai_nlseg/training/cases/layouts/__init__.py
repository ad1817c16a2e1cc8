"""Readers of the layouts, one file each."""
