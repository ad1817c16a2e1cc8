"""From the fingerprint of a data set to the settings of a training, each with its reason."""
