"""The kinds of input of a campaign."""

from tests.fuzz.case import Kind

KINDS = {
    kind.name: kind
    for kind in (
        Kind("command", 40, "tests.fuzz.command_lines", is_prepared=True),
        Kind("checkpoint", 12, "tests.fuzz.checkpoints", is_prepared=True),
        Kind("manifest", 4, "tests.fuzz.sweep_files", is_prepared=True),
        Kind("table", 20, "tests.fuzz.tables"),
        Kind("image", 10, "tests.fuzz.images"),
        Kind("idx", 14, "tests.fuzz.idx"),
    )
}
