"""Walks every operation on files of a short run and of a sweep: dies before it, or lets it fail, and resumes."""
