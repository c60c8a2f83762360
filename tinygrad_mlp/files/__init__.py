"""Files: saving and loading of state, files that are written whole or not at all, and folders to write to."""
