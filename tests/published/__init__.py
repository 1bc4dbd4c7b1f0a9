"""The numbers that the README and the experiments publish: measured, recorded, and measured again."""
