"""`nlseg evaluate`: metrics of a folder of label maps against another."""
