/* storage_notes.h: what the storage writes besides jobs and the snapshot: ended days and alerts, in their order. Thread:
 * queued and freed on the loop, written by the request that took them. */
#ifndef SHUNT_SERVICE_STORAGE_NOTES_H
#define SHUNT_SERVICE_STORAGE_NOTES_H

#include "shunt/service/storage.h"

/* Returns the first that was not written, NULL: all were. */
struct storage_note *notes_write(struct store *store, unsigned instance, struct storage_note *notes, struct error *e);
struct storage_note *notes_take(struct storage *st);
/* Frees those before unwritten, puts the others back before what came meanwhile. */
void notes_done(struct storage *st, struct storage_note *notes, struct storage_note *unwritten);
void notes_free(struct storage_note *notes);

#endif
