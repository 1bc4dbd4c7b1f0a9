"""Values that are typed after a key: of every type, with odd characters, long, nested, interpolated, swept."""

from random import Random

NUMBERS = (
    "0", "1", "-1", "2", "3", "0.5", "1.5", "-0.5", "-0.0", "1e-3", "1e-400", "1e308", "1e400", "inf", "-inf", "nan",
    "10000000000", f"1{'0' * 30}", "-9223372036854775809", "0x10", "0b1", "1_000", "٣", "007", "1,5", "1e", "+1",
)  # fmt: skip
WORDS = ("true", "false", "null", "None", "yes", "x", "auto", "max", "relu", "train", "digits", "???", "on", "'1'")
TEXTS = (
    "", " ", "''", '""', "ä", "日本語", "🙂", "e\u0301", "\u202eabc", "\u200b", "\x1b[31mred", "\udcff", "\x7f",
    "a b", "a=b", "a:b", "a#b", "[", "]", "{", "}", "(", ")", "'", '"', "\\", "\\'", "$", "${", "$$", "%s", "%(name)s",
    "{0}", "{}{}", "[red]x", "[/]", "../x", "..", ".", "/", "~", "~x", "-", "--", "@", "a\nb", "a\tb", "\r\n", "*", "?",
    "a/b", "a\\b", "C:\\x", "con", "nul", "|", ";", "&&", "`id`", "<b>", "!!python/object:os.system", "&a", "*a", "!x",
    "@x", "x@y", "a;b", "=", "==", "http://127.0.0.1:9/", "file:///dev/null", "/dev/null", "/proc/self/mem",
)  # fmt: skip
NESTED = (
    "[]", "[1]", "[1,x]", "[[]]", "[null]", "[1,[2,[3]]]", "['a','b']", "[1.5,2]", "[-1]", "[0]", "[inf]", "[true]",
    "{}", "{a:1}", "{a:{b:c}}", "{1:2}", "{a:[1,{b:null}]}", "{'a b':1}", "{_target_:os.system}", "{_target_:null}",
    "{a:1,a:2}", "{null:1}", "{:1}", "[1,2", "{a:1", "[,]", "{,}", "[1;2]",
)  # fmt: skip
INTERPOLATIONS = (
    "${seed}", "${optimizer.lr}", "${nope}", "${nope.nope}", "${.lr}", "${..seed}", "${model}", "${data.batch_size}",
    "${oc.env:HOME}", "${oc.env:NOT_SET}", "${oc.env:NOT_SET,3}", "${hydra:job.name}", "${hydra:nope}", "${now:%Y}",
    "${oc.decode:'[1'}", "${oc.create:{a:1}}", "${oc.select:nope,3}", "${nope:1}", "${}", "${ }", "${:}",
    "${seed", "$seed",
    "a${seed}b", "${${name}}", "${name}${name}", "\\${seed}", "'${seed}'", "${run_folder:a,b,c,d}", "${core_count:}",
    "${sweep_folder:}", "${direction:a,b}", "${direction:val/x,null,{}}", "${jobs_at_once:x}", "${oc.deprecated:seed}",
)  # fmt: skip
SWEPT = (
    "1,2", "a,b", "1,1", ",", "1,", ",1", "0.1,x", "range(1,3)", "range(3,3)", "range(0,1,0)", "range(5)",
    "choice(1,2)",
    "choice()", "glob(*)", "glob(z*)", "interval(0,1)", "sort(3,1)", "shuffle(1,2)", "tag(a,1)", "int(1.5)", "str([1])",
    "float(x)", "bool(2)", "json_str({a:1})", "extend_list(1)", "[1],[2]", "{a:1},{b:2}", "null,1",
)  # fmt: skip


def text(random: Random, longest: int = 30) -> str:
    """Any characters that an argument of a command can have; all but NUL."""
    alphabet = random.choice(
        ("abcxyz019_.", "=[]{}(),:'\"\\$~+@#%&*! \t", "äß€日🙂\u0301\u202e\udc80\x01\x1f\x7f\u2028")
    )
    return "".join(random.choices(alphabet, k=random.randint(0, longest)))


def long(random: Random) -> str:
    """Long or deep values."""
    number = random.choice((100, 1_000, 10_000))
    depth = min(number, 200)  # ANTLR, which parses overrides, recurses
    return random.choice(
        (
            "x" * number,
            "9" * number,
            "[" * depth + "]" * depth,
            "{a:" * depth + "1" + "}" * depth,
            "[" + ",".join(["1"] * (number // 10)) + "]",
            "ä" * number,
            "a\n" * number,
        )
    )


def number(random: Random) -> str:
    """A number of any size."""
    if random.random() < 0.5:
        return random.choice(NUMBERS)
    exponent = random.randint(-12, 12)
    return random.choice(
        (f"{random.uniform(-10, 10):.3g}e{exponent}", str(random.randint(-10, 10) * 10 ** max(exponent, 0)))
    )


def value(random: Random) -> str:
    """A value of any type."""
    choose = random.choices((number, _listed, text, long), weights=(6, 12, 2, 0.5))[0]
    return choose(random)


def _listed(random: Random) -> str:
    lists = (NUMBERS, WORDS, TEXTS, NESTED, INTERPOLATIONS, SWEPT)
    return random.choice(random.choices(lists, weights=(2, 2, 3, 3, 3, 2))[0])
