"""All pictures on one sheet, each with its name."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

COLUMNS = 6
CELL = (420, 340)  # pixels
NAME = 24  # pixels below a picture


def contact_sheet(pictures: Sequence[Path], path: Path) -> None:
    """Write the pictures into one PNG file, in their order."""
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL[0], rows * (CELL[1] + NAME)), "#888888")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, picture in enumerate(pictures):
        left, top = number % COLUMNS * CELL[0], number // COLUMNS * (CELL[1] + NAME)
        with Image.open(picture) as image:
            image.thumbnail((CELL[0] - 10, CELL[1] - 10))
            sheet.paste(image, (left + (CELL[0] - image.width) // 2, top + (CELL[1] - image.height) // 2))
        draw.text((left + 8, top + CELL[1]), picture.stem, "white", font)
    sheet.save(path)
