/* place_internal.h: what the parts of place share: temporaries, copying, and the one way to give a name that may be
 * taken. */
#ifndef SHUNT_IO_PLACE_INTERNAL_H
#define SHUNT_IO_PLACE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shunt/io/place.h"
#include "shunt/io/source.h"

#define ROUNDS_MAX 16 /* a name that comes and goes */
#define TEMP_SIZE  32 /* ".shunt-<16 hex>.tmp" */

/* The place's folder, made where it is missing, `make` and place->create. An fd or a negative code. */
int open_place(const struct place *place, bool make, struct error *e);

/* The same for the same three texts (NULL: ""). */
void temp_name(const char *tag, const char *whose, const char *name, char out[TEMP_SIZE]);
/* Two items with one name at one moment are told apart by it. */
static inline const char *item_whose(const struct place_item *item)
{
    return item->key ? item->key : item->client;
}
/* Made anew, writable by us only; what a crash left of that name is removed. An fd, or -errno. */
int temp_create(int folder_fd, const char *temp);
/* Closes a file that was written. An error counts as a failed write. */
int temp_close(int fd, struct error *e);

/* As error_errno, for a file that is to be published: ERR_SOURCE, or what we ran out of. */
int source_error(struct error *e, int errnum, const char *what);
/* Copies to the end of `in`, which is to be at `size` with that SHA-256 (NULL: any): else ERR_CHANGED. ERR_SOURCE where
 * `in` cannot be read. */
int copy_bytes(int in, int out, uint64_t size, const uint8_t *expected, uint8_t sha256[SHA256_SIZE], struct error *e);

int rename_over(int folder_fd, const char *from, const char *to); /* 0 or errno */
int rename_exchange(int folder_fd, const char *a, const char *b); /* 0 or errno */

/* SHA-256 of folder/name. ERR_GONE, ERR_NOT_OURS ... as source_open. */
int hash_file(int folder_fd, const char *name, uint8_t sha256[SHA256_SIZE], uint64_t *size, struct error *e);

/* place_fill.c. Content, owner, mode and time, into a temporary that is open for writing. */
int item_fill(const struct place *place, const struct place_item *item, int fd, uint8_t sha256[SHA256_SIZE],
              struct error *e);
/* Would a copy on that device be the same file in all but its number, and can nobody write to it? */
bool item_may_link(const struct place *place, const struct place_item *item, dev_t device);
int item_link(const struct place_item *item, int folder_fd); /* the original gets the name; 0 or errno */

/* A temporary that is whole (and flushed where durable) and wants its item's name. */
struct newcomer {
    const struct place *place;
    struct place_item *item;
    int folder_fd;
    const char *temp;
    uint8_t sha256[SHA256_SIZE];
    int held_fd;             /* take_name's own: -1, or the temporary */
    struct file_print print; /* of what is held */
    bool strange;            /* under the temporary's name lies what came out of an exchange: not ours to remove */
};
enum { STEP_DONE = 0, STEP_NEXT = 1, STEP_AGAIN = 2 }; /* else a negative code */

enum taken_kind { TAKEN_GONE, TAKEN_FILE, TAKEN_UNREADABLE, TAKEN_LINK, TAKEN_OTHER };

/* What is there. */
struct taken {
    enum taken_kind kind;
    bool same_bytes, same_client;
    uint8_t sha256[SHA256_SIZE]; /* where it was read: conflict VERSIONS, or of the newcomer's size */
    struct source source;
};

/* Gives the name as the place's `conflict` says; item->placed and final_name are set. The temporary is gone
 * afterwards, also where that fails. */
int take_name(struct newcomer *n, struct error *e);

/* place_swap.c. A STEP_ or a negative code where nothing else is said. */
int name_done(struct newcomer *n, const char *name, enum placed placed); /* STEP_DONE */
int temp_remove(const struct newcomer *n, struct error *e);
/* Held open, so that no other file gets its inode's number as long as we compare with that. */
int temp_hold(struct newcomer *n, struct error *e);
void temp_let_go(struct newcomer *n);
bool name_is(const struct newcomer *n, const char *name, const struct file_print *print);
int name_replace(struct newcomer *n, const char *name, enum placed placed, struct error *e); /* blindly */
enum { SWAPPED = 0, SWAPPED_OTHER = 1, SWAP_GONE = 2, SWAP_UNABLE = 3 };                     /* else a negative code */

/* What came out lies under the temporary's name. */
int name_swap(struct newcomer *n, const char *name, const struct taken *t, struct error *e);
int name_give_back(struct newcomer *n, const char *name, enum placed placed, struct error *e); /* after SWAPPED_OTHER */
int replace_own(struct newcomer *n, const char *name, enum placed placed, const struct taken *t, struct error *e);

/* place_versions.c */
int decide_versions(struct newcomer *n, const char *name, bool plain, struct taken *t, struct error *e);

#endif
