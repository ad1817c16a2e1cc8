"""The bundle that a plan becomes: configs, metadata and README, with the weights of each fold."""
