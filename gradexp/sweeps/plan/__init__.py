"""What a sweep is asked to do: axes, jobs, the manifest, resuming."""
