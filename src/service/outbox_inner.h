/* outbox_inner.h: what the outbox's files share: outbox.c keeps the rows, outbox_send.c sends what was taken, outbox_direct.c
 * what is urgent while there is no store to take it from. */
#ifndef SHUNT_SERVICE_OUTBOX_INNER_H
#define SHUNT_SERVICE_OUTBOX_INNER_H

#include "shunt/io/work.h"
#include "shunt/net/http_post.h"
#include "shunt/net/mail.h"
#include "shunt/service/outbox.h"

struct put { /* not in the store yet */
    struct put *next;
    enum outbox_kind kind;
    char *key;
    json_t *document;
    int64_t created_ms;
    void (*saved)(void *user);
    void *user;
    /* sent from here while the store is away */
    bool urgent, under_way;
    bool replaced; /* in the lane's hands, which may be stuck: another put of the same key is sent in its place */
    unsigned attempt;
    int64_t due_ms;       /* of the next try; the row's, too */
    struct sending *sent; /* how it ended, to be recorded with the row; NULL: it did not yet */
};

struct sending {      /* a row that was taken, until what became of it is in the store */
    struct work work; /* first; of a mail */
    struct outbox *outbox;
    struct put *put; /* it is sent from memory; NULL: it is a row of the store */
    struct sending *next;
    enum outbox_kind kind;
    unsigned attempt;
    int64_t created_ms, expires_ms;
    json_t *row; /* as it was taken; holds the document */
    const char *key;
    const json_t *document;
    /* a mail's */
    struct mail_address from, *to;
    size_t n_to;
    struct mail_result result;
    int rc;
    atomic_bool cancel;
    /* what became of it */
    enum outbox_state state;
    int64_t due_ms;
    json_t *left;       /* the document for the next try; NULL: as it was */
    struct error error; /* of the try; its text alone is used */
};

struct outbox {
    struct runtime *rt;
    struct storage *storage;
    struct curl_loop *curl;
    char *ca; /* absolute; "": the system's */
    struct put *puts;
    size_t n_puts;
    struct sending *under_way, *ended;
    size_t n_under_way;
    struct wait look;  /* when the store is asked again */
    bool due;          /* now */
    struct wait drain; /* how long a stop waits for what is being sent */
    bool stopping;
    struct error trouble[OUTBOX_KINDS]; /* of the last try, where it failed as the one before of its message did */
    /* what the lane has in hand */
    struct errand errand;
    bool busy;
    struct put *saving;
    struct sending *recording;
    struct store_taking taking;
    bool released; /* what an earlier run of ours had in hand when it died */
    json_t *taken;
};

const char *outbox_kind_word(enum outbox_kind kind);
int64_t outbox_wall_ms(const struct outbox *o);

/* Takes the reference. Ends by outbox_ended, perhaps at once. NULL row or no memory: the row is due again later by itself.
 * put: as in struct sending. */
void outbox_send(struct outbox *o, json_t *row, struct put *put);
void outbox_ended(struct sending *s); /* moves it to o->ended; s->state and what belongs to it is set */
void sending_free(struct sending *s);

void outbox_append(struct outbox *o, struct put *p); /* takes it */
void outbox_drop(struct outbox *o, struct put **at);
void put_free(struct put *p);

/* outbox_direct.c */
void outbox_direct_pump(struct outbox *o);                               /* each turn */
bool outbox_direct_keeps(const struct outbox *o, const struct put *put); /* it is not to be saved now */
void outbox_direct_ended(struct sending *s);                             /* takes it */
/* The store gave out this row. True: it is being sent, or was, from memory: what becomes of it is recorded for the row. */
bool outbox_direct_has(struct outbox *o, const json_t *row);

#endif
