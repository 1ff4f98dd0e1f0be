/* Any text as an address to listen on: what is taken for one is an address and a port, and reads the same when it is
 * written again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/core/listen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct listen_address *is)
{
    char text[LISTEN_HOST_MAX + 16];
    struct listen_address again;
    const char *form = strchr(is->host, ':') ? "[%s]:%u" : "%s:%u";
    snprintf(text, sizeof text, form, is->host, is->port);
    if (is->port > 65535 || is->loopback != listen_is_loopback(is->host) || listen_parse(text, &again, NULL) != 0 ||
        strcmp(again.host, is->host) != 0 || again.port != is->port || again.none)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct listen_address address;
    struct error e = {.code = 0};
    if (!text)
        abort();
    int rc = listen_parse(text, &address, &e);
    if (rc != e.code || (rc != 0 && rc != ERR_CONFIG))
        abort();
    if (rc == 0 && !address.none)
        check(&address);
    free(text);
    return 0;
}
