/* http_framing.c: where a request ends, and whom it is for. A proxy in front must not see another end, or another host, than
 * we do: what could be read in two ways is refused, and nothing is read after it.
 *
 * libmicrohttpd (0.9.75) takes "Content-Length : 5" for a header of another name, and what is continued on the next line
 * for more of the name; a transfer coding that it does not know it takes for none. */
#include <string.h>
#include <strings.h>

#include "http_internal.h"

#define TOKEN                                                                                                          \
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" /* what names are made of */

struct framing {
    unsigned lengths, hosts;
    bool malformed;
};

static bool begins(const char *name, const char *with)
{
    return strncasecmp(name, with, strlen(with)) == 0;
}

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct framing *framing = context;
    bool length = strcasecmp(name, "Content-Length") == 0, coding = strcasecmp(name, "Transfer-Encoding") == 0;
    framing->lengths += length || coding;
    framing->hosts += strcasecmp(name, "Host") == 0;
    framing->malformed = framing->malformed || name[strspn(name, TOKEN)] != '\0' || strchr(value ? value : "", '\r') ||
                         (coding && (!value || strcasecmp(value, "chunked") != 0)) ||
                         (!length && !coding && (begins(name, "Content-Length") || begins(name, "Transfer-Encoding")));
    return MHD_YES;
}

bool http_is_ambiguous(const struct http_request *request)
{
    struct framing framing = {.lengths = 0};
    MHD_get_connection_values(request->connection->mhd, MHD_HEADER_KIND, look_at, &framing);
    return framing.malformed || framing.lengths > 1 || framing.hosts > 1;
}
