/* mail_address.c: who a mail is from and to, and which server takes it, from what a person wrote into the settings. What is
 * passed on here goes into the dialogue with the server as it is. */
#include <stdlib.h>
#include <string.h>

#include "shunt/core/mail_text.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

#define LOCAL_MAX 64
#define LABEL_MAX 63

/* Parts between dots, none empty. */
static bool is_dotted(const char *text, size_t n, const char *allowed, size_t part_max)
{
    size_t part = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '.' && (!strchr(allowed, text[i]) || text[i] == '\0'))
            return false;
        if (text[i] == '.' && part == 0)
            return false;
        part = text[i] == '.' ? 0 : part + 1;
        if (part > part_max)
            return false;
    }
    return part > 0;
}

static bool is_domain(const char *text, size_t n)
{
    if (n >= MAIL_HOST_MAX || !is_dotted(text, n, LETTERS DIGITS "-", LABEL_MAX))
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] == '-' && (i == 0 || i + 1 == n || text[i - 1] == '.' || text[i + 1] == '.'))
            return false;
    return true;
}

static int bad_address(struct error *e, const char *text)
{
    struct str plain = STR_INIT;
    str_plain(&plain, text, strlen(text));
    int rc = error_set(e, ERR_CONFIG,
                       "%.200s is no mail address; write ops@example.com or Operations <ops@example.com>", plain.bytes);
    str_fini(&plain);
    return rc;
}

static size_t trimmed(const char **text, size_t n)
{
    while (n > 0 && (**text == ' ' || **text == '\t'))
        (*text)++, n--;
    while (n > 0 && ((*text)[n - 1] == ' ' || (*text)[n - 1] == '\t'))
        n--;
    return n;
}

int mail_address_parse(const char *text, struct mail_address *out, struct error *e)
{
    const char *address = text, *name = text;
    size_t n = trimmed(&address, strlen(text)), name_len = 0;
    if (n > 0 && address[n - 1] == '>') {
        const char *open = memrchr(address, '<', n);
        if (!open)
            return bad_address(e, text);
        name = address;
        name_len = trimmed(&name, (size_t)(open - address));
        n -= (size_t)(open + 2 - address);
        address = open + 1;
    }
    if (name_len >= 2 && name[0] == '"' && name[name_len - 1] == '"')
        name++, name_len -= 2;
    const char *at = memrchr(address, '@', n);
    size_t local = at ? (size_t)(at - address) : 0;
    bool right = at && n < MAIL_ADDRESS_MAX && local <= LOCAL_MAX && name_len < MAIL_NAME_MAX &&
                 is_dotted(address, local, LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~", LOCAL_MAX) &&
                 is_domain(at + 1, n - local - 1) && utf8_valid(name, name_len) && !text_has_control(name, name_len);
    if (!right)
        return bad_address(e, text);
    *out = (struct mail_address){.address = ""};
    memcpy(out->address, address, n);
    memcpy(out->name, name, name_len);
    return 0;
}

/* ---- the server ---- */

static bool is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && host[strspn(host, DIGITS ".")] == '\0');
}

static bool port_of(const char *text, unsigned *out)
{
    size_t n = strspn(text, DIGITS);
    unsigned long port = n > 0 && n <= 5 && text[n] == '\0' ? strtoul(text, NULL, 10) : 0;
    *out = (unsigned)port;
    return port >= 1 && port <= 65535;
}

int mail_server_parse(const char *text, enum mail_tls tls, struct mail_server *out, struct error *e)
{
    static const unsigned ports[] = {[MAIL_STARTTLS] = 587, [MAIL_TLS] = 465, [MAIL_PLAIN] = 25};
    static const char scheme[] = "smtp://";
    const char *host = strncmp(text, scheme, sizeof scheme - 1) == 0 ? text + sizeof scheme - 1 : text;
    bool literal = *host == '[';
    size_t n = literal ? strcspn(++host, "]") : strcspn(host, ":");
    const char *rest = host + n + (literal && host[n] == ']');
    *out = (struct mail_server){.port = ports[tls]};
    if (strncmp(text, "smtps://", 8) == 0)
        return error_set(e, ERR_CONFIG, "write the host alone, and tls = tls");
    bool right = literal ? n >= 2 && n < MAIL_HOST_MAX && host[n] == ']' && strspn(host, DIGITS "abcdefABCDEF:.") == n
                         : is_domain(host, n);
    if (right && *rest == ':')
        right = port_of(rest + 1, &out->port);
    else
        right = right && *rest == '\0';
    if (!right)
        return error_set(e, ERR_CONFIG,
                         "no mail server; write it as mail.example.com:587 or smtp://mail.example.com:587");
    memcpy(out->host, host, n);
    out->loopback = is_loopback(out->host);
    return 0;
}
