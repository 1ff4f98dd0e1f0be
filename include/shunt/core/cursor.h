/* cursor.h: places in lists and streams, as clients give them back to us. Strict: what we did not write is none. Pure. */
#ifndef SHUNT_CORE_CURSOR_H
#define SHUNT_CORE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

/* A row: up to 18 digits. */
bool cursor_row(const char *text, uint64_t *row);
/* The id of an event: "BOOT-NUMBER", BOOT in hex. False also where it is of another boot. */
bool cursor_event(const char *text, uint64_t boot, uint64_t *number);

#endif
