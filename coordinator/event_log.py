"""The coordinator's log: one line for each event, `key=value` fields, on standard error."""

import json
import logging
import sys
import time

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FieldFormatter(logging.Formatter):
    """time, level, event, then the fields that came as `extra`; control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        parts = [f"{at}.{int(record.msecs):03d}Z", record.levelname.lower(), record.getMessage()]
        parts += [f"{name}={_shown(value)}" for name, value in fields.items()]
        line = " ".join(_one_line(part) for part in parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FieldFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("waitress").setLevel(logging.WARNING)  # a client that leaves is no event
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # held calls are no backlog


def _shown(value: object) -> str:
    text = str(value)
    return text if text and not set(text) & set(' "=') else json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
