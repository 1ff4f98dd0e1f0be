/* http_framing.c: where a request ends, and whom it is for. A proxy in front must not see another end, or another host, than
 * we do: what could be read in two ways is refused, and nothing is read after it.
 *
 * libmicrohttpd (0.9.75) takes "Content-Length : 5" for a header of another name, and what is continued on the next line
 * for more of the name, so that "Content-Len: 5" can become a length; a transfer coding that it does not know it takes for
 * none. */
#include <string.h>
#include <strings.h>

#include "http_internal.h"

#define TOKEN                                                                                                          \
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" /* what names are made of */

struct framing {
    unsigned lengths, hosts;
    bool coded, malformed;
};

static bool is_name(const char *name)
{
    size_t len = strspn(name, TOKEN);
    return len > 0 && name[len] == '\0';
}

/* A name and its value lie in what was read, only a colon and blanks between them; one that was continued lies elsewhere. */
static bool is_continued(const char *name, const char *value)
{
    const char *behind = name + strlen(name) + 1;
    return value < behind || value > behind + strspn(behind, " \t");
}

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct framing *framing = context;
    bool coding = strcasecmp(name, "Transfer-Encoding") == 0;
    framing->coded = framing->coded || coding;
    framing->lengths += coding || strcasecmp(name, "Content-Length") == 0;
    framing->hosts += strcasecmp(name, "Host") == 0;
    framing->malformed = framing->malformed || !is_name(name) || !value || is_continued(name, value) ||
                         strchr(value, '\r') || (coding && strcasecmp(value, "chunked") != 0);
    return MHD_YES;
}

bool http_is_ambiguous(const struct http_request *request, const char *version)
{
    struct framing framing = {.lengths = 0};
    MHD_get_connection_values(request->connection->mhd, MHD_HEADER_KIND, look_at, &framing);
    bool before_codings =
        strcmp(version, "HTTP/1.0") == 0; /* they were not known yet: a proxy of that time passes them on */
    return framing.malformed || framing.lengths > 1 || framing.hosts > 1 || (framing.coded && before_codings);
}
