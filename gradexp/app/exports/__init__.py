"""Formats of exported models, one a file: each writes bytes, and reads them back for the check."""
