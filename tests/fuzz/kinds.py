"""The kinds of input of a campaign."""

from tests.fuzz import checkpoints, command_lines, idx, images, sweep_files, tables
from tests.fuzz.case import Kind

KINDS = {
    kind.name: kind
    for kind in (
        Kind("command", 40, command_lines.draw, command_lines.prepare),
        Kind("checkpoint", 15, checkpoints.draw, checkpoints.prepare),
        Kind("manifest", 10, sweep_files.draw, sweep_files.prepare),
        Kind("table", 20, tables.draw),
        Kind("image", 10, images.draw),
        Kind("idx", 10, idx.draw),
    )
}
