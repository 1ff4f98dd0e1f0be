/* tickets.h: the tickets that every contender gets, alike in every run: ticket number N has the same client, the same
 * bytes and the same destinations, whoever writes it and whoever checks it.
 *
 * Half of them are archived only, three in ten go to one destination, two in ten to two (the client's own and Celtra).
 * Sizes are log-normal around 4 KiB, at most 1 MiB. The routes are those of etc/routes.ini. */
#ifndef SHUNT_BENCH_TICKETS_H
#define SHUNT_BENCH_TICKETS_H

#include <stdbool.h>
#include <stddef.h>

#define TICKET_MAX       (1024 * 1024)
#define TICKET_NAME_SIZE 16 /* t00000012.json */
#define PLACES_MAX       3  /* archive and two destinations */

#define HOT          "JSON"
#define ARCHIVE      "JSON_STORE"
#define FAILED       "JSON_FAILED"
#define UNDERPROCESS "underprocess"
#define INCOMING     "incoming" /* where a producer writes before it renames into the hot folder */
#define CELTRA       "SYNC/MAKE/Celtra - Create_Rename - Project_Design File"

struct client {
    const char *name;
    const char *destination; /* below the data root; NULL: archived only */
};
extern const struct client clients[];
extern const size_t n_clients;

const struct client *ticket_client(unsigned number);
bool ticket_celtra(unsigned number); /* goes to CELTRA, too */
void ticket_name(unsigned number, char out[TICKET_NAME_SIZE]);
bool ticket_number(const char *name, unsigned *number); /* false: no ticket's name */

/* The folders, below the data root, where this ticket ends; returns how many. The first is the archive's. */
size_t ticket_places(unsigned number, char places[PLACES_MAX][256]);

/* Writes the document to out, which has room for TICKET_MAX; returns its size. */
size_t ticket_render(unsigned number, char *out);

/* Ends the program with what went wrong. */
void die(const char *what, const char *name) __attribute__((noreturn));
void make_folder(const char *root, const char *path); /* and its parents below root */

#endif
