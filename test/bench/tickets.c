/* tickets.c: see tickets.h. */
#include "tickets.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MEDIAN_BYTES 4096.0
#define SIGMA        1.2
#define HEAD_MAX     512
#define TAIL         "\n  ]\n}\n"

const struct client clients[] = {
    {"OLIVER", NULL},
    {"ADIDAS", NULL},
    {"CIBC", NULL},
    {"PAYPAL", NULL},
    {"BAYER", NULL},
    {"BISSELL", "CLIENT-STORES/BISSELL-WRIKE/IN"},
    {"LOREAL", "CLIENT-STORES/LOREAL/IN"},
    {"RANK", "SYNC/MAKE/Monday Rank"},
    {"RECKITTBENCKISER", "SYNC/MAKE/Monday RB"},
};
const size_t n_clients = sizeof clients / sizeof clients[0];

enum { OLIVER, ADIDAS, CIBC, PAYPAL, BAYER, BISSELL, LOREAL, RANK, RB };

static const unsigned char client_of_ten[10] = {OLIVER, ADIDAS, CIBC, PAYPAL, BAYER, BISSELL, LOREAL, RANK, RANK, RB};

const struct client *ticket_client(unsigned number)
{
    return &clients[client_of_ten[number % 10]];
}

bool ticket_celtra(unsigned number)
{
    return number % 10 >= 8;
}

void ticket_name(unsigned number, char out[TICKET_NAME_SIZE])
{
    snprintf(out, TICKET_NAME_SIZE, "t%08u.json", number % 100000000);
}

bool ticket_number(const char *name, unsigned *number)
{
    if (name[0] != 't' || strlen(name) != 14 || strcmp(name + 9, ".json") != 0)
        return false;
    char *end;
    *number = (unsigned)strtoul(name + 1, &end, 10);
    return end == name + 9;
}

size_t ticket_places(unsigned number, char places[PLACES_MAX][256])
{
    const struct client *client = ticket_client(number);
    size_t n = 0;
    snprintf(places[n++], 256, "%s/%s", ARCHIVE, client->name);
    if (client->destination)
        snprintf(places[n++], 256, "%s", client->destination);
    if (ticket_celtra(number))
        snprintf(places[n++], 256, "%s", CELTRA);
    return n;
}

/* splitmix64: neighbouring numbers give unrelated values. */
static double uniform(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    return ((double)(x >> 11) + 0.5) / 9007199254740992.0;
}

static size_t wanted_size(unsigned number)
{
    double radius = sqrt(-2 * log(uniform(2 * (uint64_t)number)));
    double normal = radius * cos(2 * acos(-1.0) * uniform(2 * (uint64_t)number + 1));
    double size = MEDIAN_BYTES * exp(SIGMA * normal);
    return size > TICKET_MAX ? TICKET_MAX : (size_t)size;
}

size_t ticket_render(unsigned number, char *out)
{
    static const char asset[] =
        "    {\"Name\": \"banner_300x250_v3.html\", \"Width\": 300, \"Height\": 250, \"Approved\": true,"
        " \"Url\": \"https://assets.example.com/campaigns/spring/banner_300x250_v3.html\"}";
    const struct client *client = ticket_client(number);
    size_t want = wanted_size(number);
    size_t used =
        (size_t)snprintf(out, HEAD_MAX,
                         "{\n  \"JobSpecification\": {\n    \"JobDetails\": {\n      \"ClientCode\": \"%s\",\n"
                         "      \"JobCategory\": \"%s\",\n      \"StudioCode\": \"%s_STUDIO\",\n"
                         "      \"Title\": \"Spring campaign %u\",\n      \"Description\": \"Banner set\"\n"
                         "    }\n  },\n  \"Assets\": [\n",
                         client->name, ticket_celtra(number) ? "CELTRA" : "PRODUCTION", client->name, number);
    for (bool first = true; first || used + sizeof asset + sizeof TAIL < want; first = false) {
        if (!first) {
            memcpy(out + used, ",\n", 2);
            used += 2;
        }
        memcpy(out + used, asset, sizeof asset - 1);
        used += sizeof asset - 1;
    }
    memcpy(out + used, TAIL, sizeof TAIL - 1);
    return used + sizeof TAIL - 1;
}

void die(const char *what, const char *name)
{
    fprintf(stderr, "%s %s: %s\n", what, name, strerror(errno));
    exit(1);
}

void make_folder(const char *root, const char *path)
{
    char whole[4096];
    size_t start = strlen(root) + 1;
    if ((size_t)snprintf(whole, sizeof whole, "%s/%s", root, path) >= sizeof whole)
        die("too long:", path);
    for (char *slash = whole + start; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (mkdir(whole, 0775) != 0 && errno != EEXIST)
            die("cannot make", whole);
        *slash = '/';
    }
    if (mkdir(whole, 0775) != 0 && errno != EEXIST)
        die("cannot make", whole);
}
