"""Files of pictures and volumes, read the same way for every bundle and command."""
