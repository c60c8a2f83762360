"""Files: state saved and loaded, and anything written whole or not at all."""
