"""Tests of the weather report: reading, statistics, and the page's rows."""

import tempfile
import unittest
from pathlib import Path

from make_report import table_row
from weather import Summary, mean_interval, read_measurements, summarise


class ReadingTest(unittest.TestCase):
    """measurements.csv and its gaps."""

    def test_days_without_a_temperature_are_counted_and_left_out(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "small.csv")
            path.write_text("town,date,celsius\nA,2025-01-01,1.5\nA,2025-01-02,\n", encoding="utf-8")
            self.assertEqual(read_measurements(path), ({"A": [1.5]}, 1))

    def test_the_year_of_this_folder_is_complete(self) -> None:
        towns, missing = read_measurements(Path(__file__).with_name("measurements.csv"))
        self.assertEqual(sum(map(len, towns.values())) + missing, 6 * 365)


class StatisticsTest(unittest.TestCase):
    """The figures of one town."""

    def test_a_summary_knows_the_extremes_and_the_mean(self) -> None:
        summary = summarise("A", [1.0, 2.0, 6.0], resamples=200)
        self.assertEqual((summary.coldest, summary.mean, summary.warmest, summary.days), (1.0, 3.0, 6.0, 3))

    def test_the_interval_holds_the_mean_and_repeats(self) -> None:
        temperatures = [float(day % 20) for day in range(365)]
        low, high = mean_interval(temperatures, resamples=500)
        self.assertLess(low, sum(temperatures) / 365)
        self.assertGreater(high, sum(temperatures) / 365)
        self.assertEqual((low, high), mean_interval(temperatures, resamples=500))

    def test_a_town_without_temperatures_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            summarise("A", [], resamples=200)


class PageTest(unittest.TestCase):
    """The table of report.html."""

    def test_a_town_is_written_as_text(self) -> None:
        self.assertIn("<td>A&amp;B<td>3<td>-1.0", table_row(Summary("A&B", 3, -1.0, 0.0, 1.0, -0.5, 0.5)))


if __name__ == "__main__":
    unittest.main()
