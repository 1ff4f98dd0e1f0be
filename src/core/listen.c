#include "shunt/core/listen.h"

#include <arpa/inet.h>
#include <string.h>

#include "shunt/core/units.h"

#define PORT_MAX 65535

bool listen_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == IN_LOOPBACKNET);
}

static bool is_address(const char *host, int family)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(family, host, address) == 1;
}

int listen_parse(const char *text, struct listen_address *out, struct error *e)
{
    *out = (struct listen_address){.none = strcmp(text, "no") == 0};
    if (out->none)
        return 0;
    bool v6 = text[0] == '[';
    const char *host = v6 ? text + 1 : text;
    const char *end = strchr(host, v6 ? ']' : ':');
    const char *colon = end && v6 ? end + 1 : end;
    size_t len = end ? (size_t)(end - host) : sizeof out->host;
    int64_t port;
    if (colon && *colon == ':' && len < sizeof out->host && units_count(colon + 1, 0, PORT_MAX, &port, NULL) == 0) {
        memcpy(out->host, host, len);
        if (is_address(out->host, v6 ? AF_INET6 : AF_INET)) {
            out->port = (unsigned)port;
            out->loopback = listen_is_loopback(out->host);
            return 0;
        }
    }
    return error_set(e, ERR_CONFIG, "%s is no address and port such as 127.0.0.1:8001 or [::1]:8001, nor `no`", text);
}
