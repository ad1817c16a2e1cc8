"""What a data set is like: sizes, spacings, intensities and classes, and what looks wrong with it."""
