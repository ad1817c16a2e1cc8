"""Labelled images in the layouts that people have, and their division into parts."""
