"""Projects arrive: declared first, then part by part, as often interrupted as need be."""

from coordinator.use_cases.ports import Upload
from coordinator.use_cases.transfer_files import (
    PROJECT,
    drop_upload,
    find_upload,
    offer_project,
    receive_part,
    upload_state,
)
from coordinator.web.call import Call, Reply, json_reply
from coordinator.web.user_api.forms import UploadForm
from shared.messages import PART_BYTES, UploadOffer


def offer(call: Call) -> Reply:
    """Declare a project; where it is known already there is nothing to send."""
    form = call.json(UploadForm)
    state = offer_project(
        call.services.store, call.services.files, UploadOffer(form.sha256, form.size), form.name
    )
    if state.upload is None:
        return json_reply(state)
    return json_reply(state, 201, {"Location": f"/api/v1/uploads/{state.upload}"})


def offset(call: Call) -> Reply:
    """Tell how much has arrived."""
    upload = _upload(call)
    arrived = upload_state(call.services.files, upload).offset
    headers = {"Upload-Offset": str(arrived), "Upload-Length": str(upload.size), "Cache-Control": "no-store"}
    return Reply(headers=headers)


def part(call: Call) -> Reply:
    """Store a part; with the last one the whole is checked."""
    upload = _upload(call)
    place = call.offset_header("Upload-Offset")
    data = call.body(PART_BYTES)
    state = receive_part(call.services.store, call.services.files, upload.id, place, data)
    return json_reply(state, headers={"Upload-Offset": str(state.offset)})


def give_up(call: Call) -> Reply:
    """Drop an upload."""
    drop_upload(call.services.store, call.services.files, _upload(call).id)
    return Reply(status=204)


def _upload(call: Call) -> Upload:
    return find_upload(call.services.store, call.path["upload"], PROJECT)
