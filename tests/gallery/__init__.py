"""Every figure that the package draws, for a reviewer: python -m tests.gallery FOLDER."""
