/* routes_parse.h: the way from routes.ini to a table; between routes_parse.c (sections and routes), routes_destination.c
 * (the keys of destinations) and routes.c (what needs the whole). */
#ifndef SHUNT_CORE_ROUTES_PARSE_H
#define SHUNT_CORE_ROUTES_PARSE_H

#include "shunt/core/near.h"

#include "routes_index.h"

/* What is known of a section only while it is read. */
struct draft {
    char *to;      /* of a route: as written */
    unsigned line; /* of a route's `to`, of a destination's path */
    unsigned seen; /* of a destination: its keys, a bit each */
};

enum where { OUTSIDE, IN_DESTINATION, IN_ROUTE, IN_UNKNOWN };

struct parser {
    const char *file;
    struct routes *routes;           /* grows; never shared before it is whole */
    struct draft *destinations, *to; /* beside routes->destinations and routes->routes */
    size_t destination_room, route_room;
    enum where where;
    bool full; /* the faults of too many sections are told once */
    bool nomem;
    struct faults *faults;
    size_t faults_before; /* those that the caller brought along */
};

struct ini_entry;
void routes_parse_entry(void *user, const struct ini_entry *entry);
void parse_destination_key(struct parser *p, const struct ini_entry *entry);
/* attempts, first, factor or max. */
void parse_retry(struct parser *p, const struct ini_entry *entry, struct retry_own *own);

/* A fault of the entry at hand; its text begins with the section. */
void parse_fault(struct parser *p, const struct ini_entry *entry, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void parse_unknown_key(struct parser *p, const struct ini_entry *entry, struct near near);
bool parse_text(struct parser *p, char **slot, const char *value); /* false: no memory, remembered */

/* The parts of a text between commas, trimmed, empty ones left out. 0 or ERR_NOMEM. */
int split_list(const char *text, char ***items, size_t *count);
void free_list(char **items, size_t count);

#endif
