"""Experiment files: their models, checks and schema."""
