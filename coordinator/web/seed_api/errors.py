"""Errors as the older interface has them: {"error": sentence, "statusCode": number}."""

from coordinator.domain.errors import Invalid
from coordinator.web.call import Reply, json_reply
from coordinator.web.problems import MOST_ERRORS, RETRY_AFTER_S, problem_of
from shared.field_rules import Malformed


def seed_error_reply(error: Exception) -> Reply:
    """Answer with the sentence, and the fields that are wrong named in it."""
    status, _ = problem_of(error) or (500, "")
    if isinstance(error, Malformed | Invalid):
        status = 400  # the first system knew no 422
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    return json_reply({"error": _sentence(error), "statusCode": status}, status, headers)


def _sentence(error: Exception) -> str:
    if isinstance(error, Malformed):
        faults = [f"{fault.field or 'The body'} {fault.message}" for fault in error.errors[:MOST_ERRORS]]
        return "; ".join(faults) + "."
    return str(getattr(error, "body", None) or error)
