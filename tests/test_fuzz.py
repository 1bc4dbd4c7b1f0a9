"""Generated inputs of every kind end in success or in one clear message, and the campaign finds what does not.

The cases are fifty fixed ones; `python -m tests.fuzz --cases 10000` runs others.
"""

from importlib import import_module
from pathlib import Path

import pytest
from rich.console import Console

from tests.fuzz import __main__ as command
from tests.fuzz.campaign import outcomes, prepared
from tests.fuzz.case import Kind, Outcome, stream
from tests.fuzz.kinds import KINDS

SEED = 0
CASES = 50
PLANTED = Kind("planted", 1, "tests.fuzz.planted")


def run(name: str, cases: int) -> list[Outcome]:
    kind = KINDS[name]
    with prepared(kind) as root:
        return list(outcomes(kind, SEED, range(cases), root))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(KINDS))
def test_every_case_ends_in_success_or_in_one_message(name: str) -> None:
    cases = round(CASES * KINDS[name].share / sum(kind.share for kind in KINDS.values()))
    found = run(name, cases)
    assert [outcome.number for outcome in found] == list(range(cases))
    faulty = [outcome for outcome in found if outcome.faults]
    assert not faulty, "\n\n".join(map(str, faulty))
    # Neither inputs that are all refused nor inputs that are all harmless would find anything.
    assert {outcome.message is None for outcome in found} == {True, False}


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("traceback", "traceback: TypeError: a mistake of ours"),
        ("crash", "the process died with status -6"),
        ("hang", "a hang of more than 1 seconds"),
        ("memory", "memory grew by"),
        ("flood", "a long message: 50 lines"),
        ("internal", "a message for programmers: NoneType"),
        ("nameless", "a message that names nothing"),
        ("outside", "a file outside the run's folder: elsewhere"),
        ("halfwritten", "a file is not whole: run/metrics.json"),
        ("temporary", "a temporary file is left: run/.metrics.json.abcd1234"),
        ("changed", "refused, but changed: input"),
        ("warnings", "warnings of libraries: 5"),
        ("lines", "many lines on standard error: 50"),
    ],
)
def test_a_planted_fault_is_found_and_the_next_case_runs(name: str, fault: str) -> None:
    with prepared(PLANTED) as root:
        (root / "base" / "fault").write_text(name)
        found = list(outcomes(PLANTED, SEED, range(2), root, limit=1.0 if name == "hang" else 30.0))
    assert len(found) == 2
    for outcome in found:
        assert any(one.startswith(fault) for one in outcome.faults), outcome
        assert outcome.drawn is not None
        assert "seed=0" in str(outcome)


def test_a_case_is_a_function_of_kind_seed_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(name: str, seed: int, number: int, folder: str) -> object:
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        return import_module(KINDS[name].module).draw(stream(name, seed, number), tmp_path / "base")

    for name in ("command", "table", "image"):
        first = drawn(name, 1, 2, f"{name} 1")
        assert first == drawn(name, 1, 2, f"{name} 2")
        assert first != drawn(name, 1, 3, f"{name} 3")
        assert first != drawn(name, 2, 2, f"{name} 4")


def test_the_command_prints_how_a_fault_is_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Outcome("table", 5, number, message="error: no", faults=[f"a long message: {number} lines"])
        for number in (7, 8)
    ]
    command.print_table(Console(), [KINDS["table"]], [*found, Outcome("table", 5, 9)])
    out = capsys.readouterr().out
    assert "2 x table: a long message: * lines" in out
    assert "python -m tests.fuzz --kind table --seed 5 --only 7\n" in out
    assert out.split("\n")[-2].split()[:5] == ["table", "3", "1", "0", "2"]


@pytest.mark.slow
def test_a_campaign_is_run_by_hand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["fuzz", "--kind", "table", "--cases", "2", "--seed", "5"])
    assert command.main() == 0
    assert capsys.readouterr().out.split("\n")[-2].split()[:2] == ["table", "2"]
