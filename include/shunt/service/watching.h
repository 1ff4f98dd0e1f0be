/* watching.h: the client folders that are known, and their watches. Part of the scanner (scanner.h), which decides what
 * is listed: whoever wants an unwatched folder listed wants it watched first, and no listing begins while there is one to
 * be watched. Watches are added in work requests, since the kernel takes its time for a large folder (io/watch.h).
 * Thread: loop. */
#ifndef SHUNT_SERVICE_WATCHING_H
#define SHUNT_SERVICE_WATCHING_H

#include "shunt/base/hash.h"
#include "shunt/service/scanner.h"

struct client_folder {
    struct watch watch;  /* id 0: only scanned */
    bool watch_wanted;   /* before it is listed */
    bool target_pending; /* it stands among the targets */
    uint64_t dev, ino;   /* when it was last listed; 0: not yet */
    unsigned generation; /* of the root's listing that last showed it */
    UT_hash_handle hh;
    char name[]; /* "" : the hot root */
};

struct client_folder *watching_find(const struct scanner *s, const char *name);
struct client_folder *watching_add(struct scanner *s, const char *name); /* unwatched; NULL: no memory */
void watching_want(struct scanner *s, struct client_folder *folder);     /* where it is not watched */
/* Watches what is wanted, in a work request. False: nothing is. */
bool watching_begin(struct scanner *s);
void watching_forget(struct scanner *s, const char *name);
void watching_lost(struct scanner *s, struct client_folder *folder); /* it is another now, or not there */
void watching_forget_unseen(struct scanner *s);       /* all that the last listing of the root did not show */
size_t watching_unwatched(const struct scanner *s);   /* folders that are only scanned */
const char *watching_advice(const struct scanner *s); /* what a person can do about them */
void watching_close_all(struct scanner *s);

/* Of the scanner, for events */
void scanner_list_folder(struct scanner *s, struct client_folder *folder, enum way way);
void scanner_want_full(struct scanner *s);

#endif
