"""What conf/ has to choose from."""

from gradexp.configuration.files import CONF_DIR

EXPERIMENTS = sorted(path.stem for path in (CONF_DIR / "experiment").glob("*.yaml"))
ADDED = {"experiment", "sweep", "callbacks", "metrics", "problem"}  # with a plus
WHOLE = {"experiment", "sweep"}  # tested as such
OPTIONS = sorted((path.parent.name, path.stem) for path in CONF_DIR.glob("*/*.yaml") if path.parent.name not in WHOLE)
# What an option cannot do without.
NEEDED = {"table": ("data.path=houses.csv", "data.target=price"), "image_folder": ("data.path=pets",)}
GROUPS = sorted({group for group, _ in OPTIONS} | ADDED)
