"""Groups and options in conf/."""

from gradexp.configuration.files import CONF_DIR

EXPERIMENTS = sorted(path.stem for path in (CONF_DIR / "experiment").glob("*.yaml"))
ADDED = {"experiment", "sweep", "callbacks", "metrics", "problem"}  # selected with a plus
WHOLE = {"experiment", "sweep"}  # tested separately, not as options
OPTIONS = sorted((path.parent.name, path.stem) for path in CONF_DIR.glob("*/*.yaml") if path.parent.name not in WHOLE)
# Overrides that an option requires.
NEEDED = {"table": ("data.path=houses.csv", "data.target=price"), "image_folder": ("data.path=pets",)}
GROUPS = sorted({group for group, _ in OPTIONS} | ADDED)
