/* embedded.h: files that are part of the program. The build makes a table of them, see shunt_embed in cmake/embed.cmake:
 *
 *     extern const struct embedded NAME[];
 *     extern const size_t NAME_count;
 *
 * Never changes; thread: any. */
#ifndef SHUNT_BASE_EMBEDDED_H
#define SHUNT_BASE_EMBEDDED_H

#include <stddef.h>

struct embedded {
    const char *name;  /* without its folder */
    const char *bytes; /* any; a NUL stands behind them, so that what is text is a string */
    size_t size;
};

#endif
