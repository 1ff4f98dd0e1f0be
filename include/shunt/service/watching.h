/* watching.h: the client folders that are known, and their watches. Part of the scanner (scanner.h), which decides what
 * is listed. A watch outlives its folder until libuv has closed it. Thread: loop. */
#ifndef SHUNT_SERVICE_WATCHING_H
#define SHUNT_SERVICE_WATCHING_H

#include "shunt/base/hash.h"
#include "shunt/service/scanner.h"

struct client_folder {
    struct scanner *scanner;
    struct folder_watch *watch; /* NULL: none */
    uint64_t dev, ino;          /* when it was last listed; 0: not yet */
    unsigned generation;        /* of the root's listing that last showed it */
    bool target_pending;        /* it stands among the targets */
    UT_hash_handle hh;
    char name[]; /* "" : the hot root */
};

struct client_folder *watching_find(const struct scanner *s, const char *name);
struct client_folder *watching_add(struct scanner *s, const char *name); /* and watches it; NULL: no memory */
void watching_restart(struct scanner *s, struct client_folder *folder);
void watching_forget(struct scanner *s, const char *name);
void watching_lost(struct scanner *s,
                   const char *name);               /* it is not there now; it is watched again when it is listed */
void watching_forget_unseen(struct scanner *s);     /* all that the last listing of the root did not show */
size_t watching_unwatched(const struct scanner *s); /* folders that are only scanned */
void watching_close_all(struct scanner *s);

/* Of the scanner, for events */
void scanner_list_folder(struct scanner *s, struct client_folder *folder, enum way way);
void scanner_want_full(struct scanner *s);

#endif
