/* place_internal.h: what the parts of place share: temporaries, copying, and the one way to give a name that may be
 * taken. */
#ifndef SHUNT_IO_PLACE_INTERNAL_H
#define SHUNT_IO_PLACE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shunt/io/place.h"

#define TEMP_SIZE 32 /* ".shunt-<16 hex>.tmp" */

/* The place's folder, made where it is missing, `make` and place->create. An fd or a negative code. */
int open_place(const struct place *place, bool make, struct error *e);

/* The same for the same three texts (NULL: ""). 0 or ERR_NOMEM. */
int temp_name(const char *tag, const char *client, const char *name, char out[TEMP_SIZE]);
/* Made anew, writable by us only; what a crash left of that name is removed. An fd, or -errno. */
int temp_create(int folder_fd, const char *temp);
/* Closes a file that was written. An error counts as a failed write. */
int temp_close(int fd, struct error *e);

/* Copies to the end of `in`, which is to be at `size` with that SHA-256 (NULL: any): else ERR_CHANGED. */
int copy_bytes(int in, int out, uint64_t size, const uint8_t *expected, uint8_t sha256[SHA256_SIZE], struct error *e);

/* rename that never replaces. 0, EEXIST where the name is taken, or another errno. */
int rename_new(int from_fd, const char *from, int to_fd, const char *to);
int rename_over(int folder_fd, const char *from, const char *to); /* 0 or errno */
int rename_exchange(int folder_fd, const char *a, const char *b); /* 0 or errno */

/* SHA-256 of folder/name. ERR_GONE, ERR_NOT_OURS ... as source_open. */
int hash_file(int folder_fd, const char *name, uint8_t sha256[SHA256_SIZE], uint64_t *size, struct error *e);

/* A temporary that is whole (and flushed where durable) and wants its item's name. */
struct newcomer {
    const struct place *place;
    struct place_item *item;
    int folder_fd;
    const char *temp;
    uint8_t sha256[SHA256_SIZE];
};
/* Gives the name as the place's `conflict` says; item->placed and final_name are set. The temporary is gone
 * afterwards, also where that fails. */
int take_name(struct newcomer *n, struct error *e);

#endif
