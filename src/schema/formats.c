/* SPDX-License-Identifier: MIT */
/* The texts that `format` knows: email, ipv4, ipv6, hostname, uri, uuid. */
#include "schema/constraint.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static struct shale_str slice(struct shale_str text, size_t begin, size_t end)
{
    return (struct shale_str){text.data + begin, end - begin};
}

static size_t find(struct shale_str text, size_t from, char c)
{
    while (from < text.n_bytes && text.data[from] != c)
        from++;
    return from;
}

/* Four decimal numbers of 0 to 255, none with a leading zero (some readers take it for octal). */
static bool is_ipv4(struct shale_str text)
{
    size_t at = 0;
    for (unsigned part = 0; part < 4; part++) {
        unsigned value = 0;
        size_t begin = at;
        while (at < text.n_bytes && is_digit(text.data[at]) && at - begin < 3)
            value = value * 10 + (unsigned)(text.data[at++] - '0');
        if (at == begin || value > 255 || (at - begin > 1 && text.data[begin] == '0'))
            return false;
        if (part < 3 && (at == text.n_bytes || text.data[at++] != '.'))
            return false;
    }
    return at == text.n_bytes;
}

/* Groups of up to four hexadecimal digits, the last two possibly as an IPv4 address: how many
 * groups it makes, -1 when it is no such list.  The empty list has 0. */
static int ipv6_groups(struct shale_str text, bool last)
{
    int n = 0;
    size_t at = 0;
    if (text.n_bytes == 0)
        return 0;
    for (;;) {
        size_t end = find(text, at, ':');
        struct shale_str group = slice(text, at, end);
        if (last && end == text.n_bytes && is_ipv4(group))
            return n + 2;
        if (group.n_bytes < 1 || group.n_bytes > 4)
            return -1;
        for (size_t i = 0; i < group.n_bytes; i++)
            if (!is_hex(group.data[i]))
                return -1;
        n++;
        if (end == text.n_bytes)
            return n;
        at = end + 1;
    }
}

/* RFC 4291 section 2.2: eight groups, or fewer around one "::", which stands for at least one. */
static bool is_ipv6(struct shale_str text)
{
    if (text.n_bytes < 2 || text.n_bytes > 45)
        return false;
    for (size_t i = 0; i + 1 < text.n_bytes; i++) {
        if (text.data[i] != ':' || text.data[i + 1] != ':')
            continue;
        int before = ipv6_groups(slice(text, 0, i), false);
        int behind = ipv6_groups(slice(text, i + 2, text.n_bytes), true);
        return before >= 0 && behind >= 0 && before + behind <= 7;
    }
    return ipv6_groups(text, true) == 8;
}

/* RFC 1123 section 2.1: labels of letters, digits and inner hyphens. */
static bool is_hostname(struct shale_str text)
{
    size_t at = 0;
    if (text.n_bytes < 1 || text.n_bytes > 253)
        return false;
    for (;;) {
        size_t end = find(text, at, '.');
        if (end - at < 1 || end - at > 63 || text.data[at] == '-' || text.data[end - 1] == '-')
            return false;
        for (size_t i = at; i < end; i++)
            if (!is_alnum(text.data[i]) && text.data[i] != '-')
                return false;
        if (end == text.n_bytes)
            return true;
        at = end + 1;
    }
}

/* What stands before the @ (RFC 5321 section 4.1.2): atoms between dots, or a quoted string. */
static bool is_email_local(struct shale_str text)
{
    if (text.n_bytes < 1 || text.n_bytes > 64)
        return false;
    if (text.data[0] == '"') {
        if (text.n_bytes < 3 || text.data[text.n_bytes - 1] != '"')
            return false;
        for (size_t i = 1; i < text.n_bytes - 1; i++) {
            char c = text.data[i];
            if (c < 0x20 || c > 0x7E || c == '"')
                return false;
            if (c == '\\' && ++i == text.n_bytes - 1)
                return false; /* the closing quote would be escaped */
        }
        return true;
    }
    for (size_t i = 0; i < text.n_bytes; i++) {
        char c = text.data[i];
        if (c == '.' && (i == 0 || i + 1 == text.n_bytes || text.data[i - 1] == '.'))
            return false;
        if (c != '.' && !is_alnum(c) && !is_one_of(c, "!#$%&'*+-/=?^_`{|}~"))
            return false;
    }
    return true;
}

static bool is_email(struct shale_str text)
{
    size_t at = text.n_bytes;
    while (at > 0 && text.data[at - 1] != '@')
        at--;
    if (at == 0 || text.n_bytes > 254)
        return false;
    struct shale_str domain = slice(text, at, text.n_bytes);
    return is_email_local(slice(text, 0, at - 1)) && is_hostname(domain);
}

/* Characters of RFC 3986, 'extra' ones besides the unreserved, sub-delims and %XX. */
static bool is_uri_text(struct shale_str text, const char *extra)
{
    for (size_t i = 0; i < text.n_bytes; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (text.n_bytes - i < 3 || !is_hex(text.data[i + 1]) || !is_hex(text.data[i + 2]))
                return false;
            i += 2;
        } else if (!is_alnum(c) && !is_one_of(c, "-._~!$&'()*+,;=") && !is_one_of(c, extra)) {
            return false;
        }
    }
    return true;
}

/* [userinfo@]host[:port] */
static bool is_uri_authority(struct shale_str text)
{
    size_t user_end = find(text, 0, '@');
    size_t host = user_end < text.n_bytes ? user_end + 1 : 0;
    size_t host_end;
    if (host > 0 && !is_uri_text(slice(text, 0, user_end), ":"))
        return false;
    if (host < text.n_bytes && text.data[host] == '[') {
        size_t bracket = find(text, host, ']');
        if (bracket == text.n_bytes || !is_ipv6(slice(text, host + 1, bracket)))
            return false;
        host_end = bracket + 1;
    } else {
        host_end = find(text, host, ':');
        if (!is_uri_text(slice(text, host, host_end), ""))
            return false;
    }
    if (host_end == text.n_bytes)
        return true;
    if (text.data[host_end] != ':')
        return false;
    for (size_t i = host_end + 1; i < text.n_bytes; i++)
        if (!is_digit(text.data[i]))
            return false;
    return true;
}

/* RFC 3986 section 3: scheme ":" ["//" authority] path ["?" query] ["#" fragment]. */
static bool is_uri(struct shale_str text)
{
    size_t colon = find(text, 0, ':');
    if (colon == text.n_bytes || colon == 0 || is_digit(text.data[0]))
        return false;
    for (size_t i = 0; i < colon; i++)
        if (!is_alnum(text.data[i]) && (i == 0 || !is_one_of(text.data[i], "+-.")))
            return false;
    size_t path = colon + 1;
    size_t fragment = find(text, path, '#');
    size_t query = find(slice(text, 0, fragment), path, '?');
    if (query - path >= 2 && text.data[path] == '/' && text.data[path + 1] == '/') {
        size_t end = find(slice(text, 0, query), path + 2, '/');
        if (!is_uri_authority(slice(text, path + 2, end)))
            return false;
        path = end;
    }
    if (!is_uri_text(slice(text, path, query), ":@/"))
        return false;
    if (query < fragment && !is_uri_text(slice(text, query + 1, fragment), ":@/?"))
        return false;
    return fragment == text.n_bytes || is_uri_text(slice(text, fragment + 1, text.n_bytes), ":@/?");
}

/* RFC 9562 section 4: 8-4-4-4-12 hexadecimal digits, in any case. */
static bool is_uuid(struct shale_str text)
{
    if (text.n_bytes != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text.data[i] != '-' : !is_hex(text.data[i]))
            return false;
    }
    return true;
}

bool shale_format_matches(enum shale_format_rule format, struct shale_str text)
{
    if (text.n_bytes == 0)
        return format == SHALE_FORMAT_NONE;
    switch (format) {
    case SHALE_FORMAT_NONE:
        return true;
    case SHALE_FORMAT_EMAIL:
        return is_email(text);
    case SHALE_FORMAT_IPV4:
        return is_ipv4(text);
    case SHALE_FORMAT_IPV6:
        return is_ipv6(text);
    case SHALE_FORMAT_HOSTNAME:
        return is_hostname(text);
    case SHALE_FORMAT_URI:
        return is_uri(text);
    case SHALE_FORMAT_UUID:
        return is_uuid(text);
    }
    return false;
}
