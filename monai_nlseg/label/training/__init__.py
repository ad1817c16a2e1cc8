"""Train a served bundle on the labels that annotators saved."""
