/* outbox.h: what is to be told to people and programs elsewhere: mails and webhooks, durable until they are sent.
 *
 * Happy way: outbox_put -> a row of the store, by the storage's lane -> taken when it is due (the row's due moves on by the
 * time that a try may take: no other instance sends it meanwhile) -> sent, OUTBOX_SENDS_MAX at once -> recorded as sent.
 * What a crash left in hand is due again when that instance starts anew, else when its time is over.
 * What fails for now is tried again with growing pauses, [mail] pause to 1h, until its expiry ([mail] expire), which is told
 * once at ERROR. What is refused for good is told once and not tried again; of several recipients those that are not reached
 * yet are tried again, alone.
 *
 * At least once: a crash after the server took a mail and before that was recorded sends it again under the same
 * Message-ID, which is made of the key. The same key is one row, for ever as far as the retention goes: who puts it again
 * changes nothing, also from another instance or after a crash.
 *
 * Before the store takes it (store away), what was put waits in memory, OUTBOX_UNSAVED_MAX of them; what is urgent is sent
 * from there, with the same pauses, and becomes a row when the store is back, also what a store had in hand when it hung. A
 * stop ends what is being sent after OUTBOX_DRAIN_MS; it is due again at once. Thread: loop.
 */
#ifndef SHUNT_SERVICE_OUTBOX_H
#define SHUNT_SERVICE_OUTBOX_H

#include <jansson.h>

#include "shunt/service/storage.h"

#define OUTBOX_SENDS_MAX    2
#define OUTBOX_UNSAVED_MAX  500
#define OUTBOX_DOCUMENT_MAX (4UL * 1024 * 1024) /* bytes, as JSON */
#define OUTBOX_DRAIN_MS     5000

struct outbox;

struct outbox *outbox_new(struct runtime *rt, struct storage *storage); /* NULL: no memory */
void outbox_pump(struct outbox *o);                                     /* each turn */
bool outbox_idle(const struct outbox *o);
void outbox_last(struct outbox *o); /* the loop has done its work: sends are ended, the rest goes to storage_last */
void outbox_free(struct outbox *o); /* after outbox_last, when the loop has run dry */

/* kind OUTBOX_MAIL: {"subject": TEXT, "text": TEXT, "html": TEXT (optional), "to": [ADDRESS...] (optional; else [mail] to),
 * "list_id": TEXT (optional)}; what is not an address is refused when it is sent. OUTBOX_WEBHOOK: any object, posted as it
 * is. key: at most 200 bytes, the same for the same message: "report:2026-02-06".
 * document: borrowed. saved: called once on the loop when the store has it; NULL: nobody asks; not called where we stop
 * before. False: nothing is put: no memory, no room, too large, or o is NULL (`shunt once`). */
enum outbox_kind { OUTBOX_MAIL, OUTBOX_WEBHOOK, OUTBOX_KINDS };
bool outbox_put(struct outbox *o, enum outbox_kind kind, const char *key, const json_t *document,
                void (*saved)(void *user), void *user);
/* Likewise, but sent also while the store is away; saved is then called when it is sent, or given up. For keys that no other
 * instance and no earlier run puts: there is nobody to know of it. */
bool outbox_put_urgent(struct outbox *o, enum outbox_kind kind, const char *key, const json_t *document,
                       void (*saved)(void *user), void *user);
/* Is there anybody to send it to: [mail] server, from and to, [webhook] url. What is put while there is not waits in the
 * store until it expires. */
bool outbox_reaches(const struct outbox *o, enum outbox_kind kind);
/* Why none of that kind gets out, since a message failed more than once and none was sent after it; NULL: they do. */
const char *outbox_trouble(const struct outbox *o, enum outbox_kind kind);

#endif
