"""Write report.html from measurements.csv, saying what it does as it goes."""

import html
import sys
from pathlib import Path

from weather import Summary, read_measurements, summarise

HERE = Path(__file__).resolve().parent
RESAMPLES = 15_000  # about 0.8 s for a town and its year on an office PC

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Weather report</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 42rem; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ padding: .3rem .6rem; text-align: right }}
td:first-child, th:first-child {{ text-align: left }} tr + tr {{ border-top: 1px solid #ccc }}</style>
<h1>A year of weather</h1>
<p>Temperatures in °C. The mean of a longer time lies within the range with a probability of 95 %.</p>
<table><tr><th>Town<th>Days<th>Coldest<th>Mean<th>Range<th>Warmest</tr>
{rows}
</table></html>
"""


def table_row(summary: Summary) -> str:
    """Return one town as a row of the page."""
    numbers = f"<td>{summary.days}<td>{summary.coldest:.1f}<td>{summary.mean:.1f}"
    span = f"<td>{summary.low:.1f} to {summary.high:.1f}<td>{summary.warmest:.1f}"
    return f"<tr><td>{html.escape(summary.town)}{numbers}{span}</tr>"


def main() -> None:
    """Read, compute town by town, write the page."""
    towns, missing = read_measurements(HERE / "measurements.csv")
    print(f"Read {sum(map(len, towns.values()))} temperatures of {len(towns)} towns", flush=True)
    if missing:
        print(f"{missing} days have no temperature and are left out", file=sys.stderr, flush=True)
    summaries = []
    for number, (town, temperatures) in enumerate(sorted(towns.items()), start=1):
        summary = summarise(town, temperatures, RESAMPLES)
        summaries.append(summary)
        print(f"[{number}/{len(towns)}] {town}: {summary.mean:.1f} °C on average", flush=True)
    rows = "\n".join(map(table_row, sorted(summaries, key=lambda summary: -summary.mean)))
    (HERE / "report.html").write_text(PAGE.format(rows=rows), encoding="utf-8")
    print("Wrote report.html", flush=True)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8")  # a Windows pipe would otherwise lack letters of the towns
    main()
