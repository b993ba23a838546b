"""The form of /api/execute, read as it comes: the ZIP goes to the disk and never sits in memory."""

from dataclasses import dataclass

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from coordinator.domain.errors import Invalid, TooLarge
from coordinator.use_cases.seed_projects import ProjectIntake
from coordinator.use_cases.transfer_files import MOST_PROJECT_BYTES
from coordinator.web.call import Call
from coordinator.web.seed_api.forms import MOST_COMMAND_BYTES, SeedExecuteFields, file_name
from shared.codec import decode
from shared.field_rules import FieldError

MOST_PARTS = 32
MOST_FIELD_BYTES = {"commands": 8 * MOST_COMMAND_BYTES, "mode": 400}  # up to 4 bytes for each character
SLACK_BYTES = 64 * 1024
PIECE = 64 * 1024


@dataclass(slots=True)
class ExecuteForm:
    commands: str
    mode: str
    project: ProjectIntake | None  # to be settled or dropped
    file_name: str


def read_execute_form(call: Call) -> ExecuteForm:
    """Read the form. Raises Invalid, TooLarge, NoSpace; then nothing is left of it."""
    reader = _Reader(call)
    try:
        return reader.read()
    except BaseException as error:
        if reader.intake is not None:
            reader.intake.drop()
        if isinstance(error, ParserLimitReached):
            raise TooLarge(f"The form is too large in one of its parts: {error}.") from None
        if isinstance(error, MultipartError):
            raise Invalid(f"The body is not a whole multipart form: {error}.") from None
        raise


class _Reader:
    """Takes the parts of one form as they come."""

    def __init__(self, call: Call) -> None:
        self.intake: ProjectIntake | None = None
        self._call = call
        self._length = call.request.content_length
        self._fields: dict[str, bytearray] = {}
        self._file_name: str | None = None

    def read(self) -> ExecuteForm:
        if self._length > MOST_PROJECT_BYTES + SLACK_BYTES:
            raise TooLarge(f"The form has {self._length} bytes; a project has at most {MOST_PROJECT_BYTES}.")
        part: MultipartSegment | None = None
        parser = PushMultipartParser(self._boundary(), max_segment_count=MOST_PARTS)
        for event in parser.parse_blocking(self._call.request.environ["wsgi.input"].read, PIECE):
            if isinstance(event, MultipartSegment):
                part = event
                self._begin(part)
            elif event and part is not None:
                self._take(part, bytes(event))
        return self._form()

    def _boundary(self) -> str:
        kind, options = parse_options_header(self._call.header("Content-Type"))
        if kind != "multipart/form-data" or not options.get("boundary"):
            raise Invalid(
                "The body must be a form (multipart/form-data) with commands, mode and, for a ZIP, file.",
                [FieldError("Content-Type", "must be multipart/form-data with a boundary")],
            )
        return str(options["boundary"])

    def _begin(self, part: MultipartSegment) -> None:
        if part.name in self._fields or (part.name == "file" and self._file_name is not None):
            raise Invalid(f"{part.name} is given twice.", [FieldError(part.name, "is given twice")])
        if part.name in MOST_FIELD_BYTES:
            self._fields[part.name] = bytearray()
        elif part.name == "file":
            self._file_name = part.filename or ""
            if part.filename:
                self._open_file()

    def _take(self, part: MultipartSegment, data: bytes) -> None:
        if part.name == "file":
            if self.intake is None:
                self._open_file()  # sent without a file name, but not empty
            assert self.intake is not None
            self.intake.take(data)
        elif part.name in self._fields:
            field = self._fields[part.name]
            field += data
            if len(field) > MOST_FIELD_BYTES[part.name]:
                raise TooLarge(f"{part.name} has more than {MOST_FIELD_BYTES[part.name]} bytes.")

    def _open_file(self) -> None:
        services = self._call.services
        name = file_name(self._file_name)
        self.intake = ProjectIntake(services.store, services.files, name, max(self._length, 0))

    def _form(self) -> ExecuteForm:
        fields = decode(SeedExecuteFields, {name: self._text(name) for name in self._fields})
        return ExecuteForm(fields.commands, fields.mode.strip(), self.intake, self._file_name or "")

    def _text(self, name: str) -> str:
        try:
            return self._fields[name].decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid(f"{name} is not UTF-8.", [FieldError(name, "is not UTF-8")]) from None
