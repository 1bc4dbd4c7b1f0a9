"""The report of a sweep: sweep.csv, report.html, TensorBoard's part, and a summary on the terminal."""

from pathlib import Path

from rich.console import Console

from gradexp.files import remove_temporary_files
from gradexp.sweeps.plan.manifest import check_is_sweep
from gradexp.untrusted import check_stays_inside, whole_records


def write_report(folder: Path, console: Console) -> dict[str, int]:
    """Write the report into the sweep's folder, at any time, and print a summary.

    Args:
        folder: The sweep's.
        console: Where the summary is printed.

    Returns:
        How many jobs there are of each status.

    Raises:
        ValueError: The folder holds no sweep, a damaged one, or a link that leads out of it.
    """
    # Only now what costs seconds: plotly, matplotlib, torch.
    from gradexp.sweeps.report.dashboard import write_dashboard
    from gradexp.sweeps.report.findings import find
    from gradexp.sweeps.report.matplotlib_figures import COMPARISON
    from gradexp.sweeps.report.page import write_page
    from gradexp.sweeps.report.results import read_sweep, write_csv
    from gradexp.sweeps.report.studies import study_of
    from gradexp.sweeps.report.terminal import print_findings

    check_is_sweep(folder)
    check_stays_inside(folder)
    remove_temporary_files(folder, folder / "figures")
    results = read_sweep(folder)
    with whole_records(f"sweep_dir must be a sweep whose records are whole; {folder} is none", ValueError):
        study, findings = study_of(results.as_planned), find(results)
        write_csv(results)
        pictures = write_dashboard(findings, study.figures)
        page = write_page(findings, study.lines, pictures, study.figures)
    print_findings(findings, study.lines, console)
    shown = [path for tag, picture in pictures.items() if tag in (*study.figures, COMPARISON) for path in picture.paths]
    for path in [*shown, page]:
        kind = "report" if path == page else "figure"
        console.print(f"{kind}: {path}", markup=False, highlight=False, soft_wrap=True)
    return dict(findings.statuses)
