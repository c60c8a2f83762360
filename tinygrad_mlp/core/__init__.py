"""The core: the sheet of derivatives, recording, and the walk back. Start with README.md in this folder."""
