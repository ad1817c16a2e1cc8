"""Train a network on one's own data: from a folder of labelled images to a bundle."""
