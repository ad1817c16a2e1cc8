"""`nlseg train` beside nnU-Net 2: the same data, the same split, the same time of the processor."""
