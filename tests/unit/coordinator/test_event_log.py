"""One line for each event, whatever is in its fields."""

import logging

from coordinator.event_log import FieldFormatter


def _line(message: str, **fields: object) -> str:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", "created": 0.0, **fields})
    return FieldFormatter().format(record)


def test_fields_stand_behind_the_event() -> None:
    line = _line("job.ended", job="job-1", why="the owner came back", code=0)
    assert line.endswith(' info job.ended job=job-1 why="the owner came back" code=0')


def test_nothing_from_outside_can_begin_a_new_line_or_colour_the_terminal() -> None:
    line = _line("upload.refused", name="a\r\nfake.event job=1\x1b[31m\u2028")
    assert "\n" not in line and "\r" not in line and "\x1b" not in line and "\u2028" not in line
