"""Forget what is of no use any more."""

from coordinator.use_cases.ports import FileStore, Store, Transaction

KEY_S = 24 * 3600.0  # an idempotency key protects a day's retries
SEED_S = 24 * 3600.0  # an older worker takes a new id at each start and leaves ghosts
UPLOAD_S = 48 * 3600.0  # an upload may be resumed after a weekend's first day, not for ever


def forget_old_keys(tx: Transaction) -> None:
    tx.jobs.forget_keys(tx.now - KEY_S)


def forget_silent_seeds(tx: Transaction) -> None:
    tx.workers.forget_silent_seeds(tx.now - SEED_S)


def give_up_stale_uploads(store: Store, files: FileStore) -> None:
    """Drop the uploads that nobody completed, bytes and all."""
    for upload in store.read(lambda tx: tx.files.stale_uploads(tx.now - UPLOAD_S)):
        store.transact(lambda tx, upload=upload: tx.files.end_upload(upload))  # type: ignore[misc]
        files.discard(upload)
