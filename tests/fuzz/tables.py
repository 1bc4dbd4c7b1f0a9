"""Tables as people save them: encodings, quotes, ragged rows, mixed types, odd headers, dates, numbers of any size."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.fuzz import binaries, values
from tests.fuzz.case import Drawn
from tests.fuzz.small import limited

CELLS = (
    "", " ", "NA", "nan", "NaN", "null", "None", "?", "-", "inf", "-inf", "1e400", "-1e400", "1e308", "1e-320",
    "9" * 40,
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1,5", "1.5", "1 000", "1_000",
    "0x1F", "٣", "½",
    "true", "TRUE", "yes", "2020-01-01", "2020-13-45", "01/02/2020", "2020-01-01T10:00:00", "2020-01-01 10:00:00+02:00",
    "9999-12-31", "0001-01-01", "-0001-01-01", "10:00", "25:61", "5 days", "12%", "$5", "€5", "=1+1", "@x",
    "[red]x", "${x}",
    "ä", "日本", "🙂", "\u202e", "\ufeff", "\u2028", "\x0b", "\x1c", "x" * 5_000, "a b", "'", '""', '"a,b"',
    '"a\nb"', '"a""b"',
    '"', 'a"b', "\\", "\\N", "#x", "1;2", "1\t2", "1|2",
)  # fmt: skip
HEADERS = (
    "", " ", "a", "x", "ä", "日", "1", "1.5", "-1", "price", "Price", " price ", "kind", "a b", "a,b", "'q'",
    "a.b", "a=b",
    "[red]", "${x}", "_duplicated_0", "x_duplicated_0", "a is missing", "class", "prediction", "probability", "\ufeffa",
    "x" * 3_000, "NA", "null", "target", "__index_level_0__", "a\u2028b", "\\", "a/b", "%s", "{0}", "a\tb",
)  # fmt: skip
SEPARATORS = (";", ";", "\t", "|", " ", ":", "\x01", ",,", "§")
ENCODINGS = ("utf-8-sig", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-32", "cp1252", "utf-7")
ENDS = ("\r\n", "\r\n", "\r", "\n\n", "\r\r\n", " \n", "\x0b", "\u2028")
SUFFIXES = (
    ".CSV",
    ".txt",
    ".tsv",
    ".parquet",
    "",
    ".gz",
    " 1.csv",
    "ä.csv",
    "[1].csv",
    "=x.csv",
    ",.csv",
    "*.csv",
    "\udcff.csv",
)


def plain_table(rows: int = 30) -> bytes:
    """A table without anything odd."""
    lines = [
        f"{n},{n % 7 * 1.5},{'red' if n % 3 else 'blue'},2020-01-{n % 28 + 1:02},{n * 2.5},{'yes' if n % 2 else 'no'}"
        for n in range(rows)
    ]
    return "\n".join(["id,a,colour,day,price,kind", *lines, ""]).encode()


def draw(random: Random, base: Path) -> Drawn:
    path, header, changes = _table(random, "t")
    command = ["data=table", f"data.path={_quoted(path)}"]
    target = random.choice(header if random.random() < 0.95 else HEADERS)
    command.append(f"data.target={_quoted(target)}")
    for key, given in (
        ("kind", ("regression", "classification")),
        ("separator", ("comma", "tab", "x", "' '", ";", "'\\\\'", "'\"'")),
        ("test_size", ("0", "1", "3", "0.5", "0.99", "1000", "null", "1.0")),
        ("val_size", ("0", "1", "5", "0.01", "0.9", "1000")),
        ("batch_size", ("1", "2", "1000", "null")),
        ("memory_limit", ("0", "1e-9")),
        ("drop", ("[a]", "[nope]", "[]", "[kind,price]", "['']", "[1]", "[a,a]")),
    ):
        if random.random() < 0.06:
            command.append(f"data.{key}={random.choice(given)}")
    if random.random() < 0.15:
        other, _, more = _table(random, "other")
        command.append(f"data.test_path={_quoted(other)}")
        changes += more
    other_model = f"model={random.choice(('linear_regression', 'logistic_regression', 'softmax_regression'))}"
    command.append("model.hidden=[3]" if random.random() < 0.9 else other_model)
    command += limited(
        "hydra.run.dir=run",
        f"test={random.choice(('true', 'false'))}",
        f"figures={'true' if random.random() < 0.1 else 'false'}",
    )
    new, _, more = _table(random, "new")
    checkpoint = "ckpt_path=run/checkpoints/best.ckpt"
    predict = ["task=predict", checkpoint, f"input={_quoted(random.choice((new, path)))}"]
    return Drawn([command, predict], [*changes, *more])


def _quoted(text: object) -> str:
    """As Hydra's grammar quotes it."""
    escaped = str(text).replace("\\'", "\\\\'").replace("'", "\\'")
    return f"'{escaped}'"


def _table(random: Random, name: str) -> tuple[Path, list[str], list[str]]:
    """Write a table; its path, its header, and in words how it was made."""
    width, rows = (
        random.randint(2, 6),
        random.choice((0, 1, 3, 5, 8)) if random.random() < 0.15 else random.choice((20, 60)),
    )
    header = [random.choice(HEADERS) if random.random() < 0.05 else f"c{n}" for n in range(width)]
    is_good = random.random() < 0.5
    columns = [_column(random, rows, is_good) for _ in range(width)]
    odd = 0 if is_good else random.choice((0.01, 0.02, 0.05, 0.2))
    table = [header, *(list(row) for row in zip(*columns, strict=True))]
    for row in table[1:]:
        for place in range(width):
            if random.random() < odd:
                row[place] = random.choice(CELLS) if random.random() < 0.8 else values.text(random)
        if random.random() < odd / 20:
            row[:] = random.choice((row[:-1], [*row, "x"], [], [""] * width, ["total"], row * 3))
    usual = ((",", SEPARATORS), ("\n", ENDS), ("utf-8", ENCODINGS), (".csv", SUFFIXES))
    separator, end, encoding, suffix = (
        one if random.random() < 0.85 else random.choice(others) for one, others in usual
    )
    is_quoted = random.random() < 0.9
    rows_of_text = [
        [f'"{cell}"' if is_quoted and separator in cell and '"' not in cell else cell for cell in row] for row in table
    ]
    text = end.join(map(separator.join, rows_of_text)) + random.choice((end, end, "", end * 3))
    if random.random() < 0.03:
        text = text.partition(end)[2]  # without a header
    content = text.encode(encoding, errors="replace")
    how = f"{name}: {width} columns, {rows} rows, separator {separator!r}, end {end!r}, {encoding}, odd cells {odd}"
    if random.random() < 0.1:
        content, change = binaries.mutated(content, random)
        how += f", {change}"
    path = Path(f"{name}{suffix}")
    path.write_bytes(content)
    return path, header, [how, repr(content[:300])]


def _column(random: Random, rows: int, is_good: bool) -> list[str]:
    """Values of one type; in a good column, one that a model can learn from."""
    types: tuple[Callable[[], list[str]], ...] = (
        lambda: [str(n) for n in range(rows)],
        lambda: [f"{random.gauss(0, 10 ** random.choice((0, 3))):.4g}" for _ in range(rows)],
        lambda: [random.choice(("yes", "no")) for _ in range(rows)],
        lambda: [random.choice("abc") for _ in range(rows)],
        lambda: [str(random.randrange(3)) for _ in range(rows)],
        lambda: [f"2020-{random.randint(1, 12):02}-{random.randint(1, 28):02}" for _ in range(rows)],
        lambda: [f"name {n}" for n in range(rows)],
        lambda: ["same"] * rows,
        lambda: [""] * rows,
        lambda: [random.choice(("true", "false")) for _ in range(rows)],
        lambda: [str(10 ** random.choice((0, 15, 300)) * n) for n in range(rows)],
        lambda: [f"{random.random():.3f}".replace(".", ",") for _ in range(rows)],
        lambda: [random.choice(CELLS) for _ in range(rows)],
    )
    return random.choice(types[:6] if is_good else types)()
