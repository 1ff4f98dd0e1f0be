#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "shunt/io/source.h"

#include "scratch.h"

#define MIB ((size_t)1 << 20)

static int open_folder(struct scratch *s)
{
    int fd = files_open_folder(s->root, NULL);
    assert_true(fd >= 0);
    return fd;
}

static void a_regular_file_is_opened_with_its_print(void **state)
{
    struct scratch *s = *state;
    struct source source;
    int folder = open_folder(s);
    put(in(s, "x.json"), "{}");
    assert_int_equal(source_open(&source, folder, "x.json", NULL), 0);
    assert_int_equal(source.print.size, 2);
    assert_true(source.print.mtime_ns > 0);
    source_close(&source);
    assert_int_equal(source.fd, -1);
    source_close(&source);
    close(folder);
}

static int open_code(int folder, const char *name)
{
    struct source source;
    struct error e = {0};
    int rc = source_open(&source, folder, name, &e);
    assert_int_equal(rc, e.code);
    assert_int_equal(source.fd >= 0, rc == 0);
    source_close(&source);
    return rc;
}

static void only_regular_files_are_ours(void **state)
{
    struct scratch *s = *state;
    size_t before = open_descriptors();
    int folder = open_folder(s);
    put(in(s, "file"), "x");
    assert_int_equal(symlink("file", in(s, "link")), 0);
    assert_int_equal(symlink("none", in(s, "dangling")), 0);
    assert_int_equal(mkfifo(in(s, "fifo"), 0600), 0);
    assert_int_equal(mkdir(in(s, "folder.json"), 0755), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.60s/socket", s->root);
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(open_code(folder, "link"), ERR_NOT_OURS);
    assert_int_equal(open_code(folder, "dangling"), ERR_NOT_OURS);
    assert_int_equal(open_code(folder, "fifo"), ERR_NOT_OURS); /* and nobody waited for its writer */
    assert_int_equal(open_code(folder, "folder.json"), ERR_NOT_OURS);
    assert_int_equal(open_code(folder, "socket"), ERR_NOT_OURS);
    if (mknod(in(s, "device"), S_IFCHR | 0600, makedev(1, 5)) == 0) /* /dev/zero: would never end */
        assert_int_equal(open_code(folder, "device"), ERR_NOT_OURS);
    assert_int_equal(open_code(folder, "none"), ERR_GONE);
    assert_int_equal(open_code(folder, "../etc/passwd"), ERR_BAD_NAME);
    assert_int_equal(open_code(folder, "file"), 0);
    close(sock);
    close(folder);
    assert_int_equal(open_descriptors(), before);
}

/* Runs as another user in the middle of a test; root only. */
static bool become_nobody(void)
{
    if (geteuid() != 0) {
        print_message("skipped in part: not root\n");
        return false;
    }
    assert_int_equal(seteuid(65534), 0);
    return true;
}

static void a_file_that_may_not_be_read_is_told_as_such(void **state)
{
    struct scratch *s = *state;
    int folder = open_folder(s);
    put(in(s, "secret"), "x");
    assert_int_equal(chmod(in(s, "secret"), 0), 0);
    assert_int_equal(chmod(s->root, 0755), 0);
    bool changed = become_nobody();
    if (changed || geteuid() != 0)
        assert_int_equal(open_code(folder, "secret"), ERR_UNREADABLE);
    if (changed)
        assert_int_equal(seteuid(0), 0);
    close(folder);
}

static void a_writer_is_seen_until_it_lets_go(void **state)
{
    struct scratch *s = *state;
    struct source source;
    int folder = open_folder(s);
    put(in(s, "x"), "{}");
    int writer = open(in(s, "x"), O_WRONLY);
    assert_int_equal(source_open(&source, folder, "x", NULL), 0);
    source_ask_writer(&source);
    assert_int_equal(source.writer, WRITER_PRESENT);
    assert_false(source_quiet(&source));
    close(writer);
    source_ask_writer(&source);
    assert_int_equal(source.writer, WRITER_NONE);
    assert_true(source_quiet(&source));
    source_close(&source);
    close(folder);
}

static void a_writer_that_comes_later_is_noticed_and_waits_for_us(void **state)
{
    struct scratch *s = *state;
    struct source source;
    int folder = open_folder(s);
    put(in(s, "x"), "{}");
    assert_int_equal(source_open(&source, folder, "x", NULL), 0);
    source_ask_writer(&source);
    assert_true(source_quiet(&source));
    int reader = open(in(s, "x"), O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_true(source_quiet(&source));
    assert_int_equal(open(in(s, "x"), O_WRONLY | O_NONBLOCK), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_false(source_quiet(&source));
    source_close(&source); /* gives the lease back */
    int writer = open(in(s, "x"), O_WRONLY | O_NONBLOCK);
    assert_true(writer >= 0);
    close(writer);
    close(reader);
    close(folder);
}

static void where_the_kernel_does_not_tell_the_writer_is_unknown(void **state)
{
    struct scratch *s = *state;
    struct source source;
    int folder = open_folder(s);
    assert_int_equal(chmod(s->root, 0755), 0);
    put(in(s, "x"), "{}");
    if (become_nobody()) { /* a lease wants the file's owner */
        assert_int_equal(source_open(&source, folder, "x", NULL), 0);
        source_ask_writer(&source);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(source.writer, WRITER_UNKNOWN);
        assert_false(source_quiet(&source));
        source_close(&source);
    }
    close(folder);
}

static void a_change_is_seen_by_the_next_look(void **state)
{
    struct scratch *s = *state;
    struct source source;
    int folder = open_folder(s);
    put(in(s, "x"), "one");
    struct timespec old[2] = {{.tv_sec = 100}, {.tv_sec = 100}};
    assert_int_equal(utimensat(AT_FDCWD, in(s, "x"), old, 0), 0);
    assert_int_equal(source_open(&source, folder, "x", NULL), 0);
    assert_int_equal(source_look(&source, NULL), 0);
    put(in(s, "x"), "two");
    struct error e = {0};
    assert_int_equal(source_look(&source, &e), ERR_CHANGED);
    assert_int_equal(e.code, ERR_CHANGED);
    assert_int_equal(source_look(&source, NULL), 0);
    source_close(&source);
    close(folder);
}

static void assert_hash_of(const uint8_t *hash, const void *bytes, size_t len)
{
    uint8_t expected[SHA256_SIZE];
    files_sha256(bytes, len, expected);
    assert_memory_equal(hash, expected, SHA256_SIZE);
}

static char *made_bytes(size_t len)
{
    char *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
    bytes[len] = '\0';
    return bytes;
}

static void content_is_kept_up_to_the_limit_and_hashed_always(void **state)
{
    struct scratch *s = *state;
    static const size_t sizes[] = {0, 1, 4095, 4096, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3 * (1 << 20) + 17};
    int folder = open_folder(s);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t len = sizes[i];
        char *bytes = made_bytes(len);
        struct source source;
        struct source_content content;
        put_bytes(in(s, "x"), bytes, len);
        assert_int_equal(source_open(&source, folder, "x", NULL), 0);
        assert_int_equal(source_read(&source, NULL, 4 * MIB, len, &content, NULL), 0);
        assert_int_equal(content.size, len);
        assert_non_null(content.bytes);
        assert_memory_equal(content.bytes, bytes, len);
        assert_hash_of(content.sha256, bytes, len);
        source_content_fini(&content);
        if (len > 0) {
            assert_int_equal(source_read(&source, NULL, len, len - 1, &content, NULL), 0);
            assert_null(content.bytes);
            assert_int_equal(content.size, len);
            assert_hash_of(content.sha256, bytes, len);
            source_content_fini(&content);
            assert_int_equal(source_read(&source, NULL, len - 1, len, &content, NULL), ERR_TOO_LARGE);
            assert_null(content.bytes);
        }
        source_close(&source);
        free(bytes);
    }
    close(folder);
}

static void what_was_added_after_the_open_is_read_too(void **state)
{
    struct scratch *s = *state;
    int folder = open_folder(s);
    char *bytes = made_bytes(MIB);
    struct source source;
    struct source_content content;
    put_bytes(in(s, "x"), bytes, 100);
    assert_int_equal(source_open(&source, folder, "x", NULL), 0);
    put_bytes(in(s, "x"), bytes, MIB); /* now much longer than fstat said */
    assert_int_equal(source_read(&source, NULL, 4 * MIB, 4 * MIB, &content, NULL), 0);
    assert_int_equal(content.size, MIB);
    assert_memory_equal(content.bytes, bytes, MIB);
    assert_hash_of(content.sha256, bytes, MIB);
    source_content_fini(&content);
    assert_int_equal(source_read(&source, NULL, 4 * MIB, 1000, &content, NULL), 0);
    assert_null(content.bytes); /* outgrew what is kept */
    assert_hash_of(content.sha256, bytes, MIB);
    source_content_fini(&content);
    assert_int_equal(source_read(&source, NULL, 1000, 1000, &content, NULL), ERR_TOO_LARGE);
    assert_int_equal(source_look(&source, NULL), ERR_CHANGED);
    assert_int_equal(truncate(in(s, "x"), 10), 0);
    assert_int_equal(source_read(&source, NULL, 4 * MIB, 4 * MIB, &content, NULL), 0);
    assert_int_equal(content.size, 10);
    source_content_fini(&content);
    source_close(&source);
    close(folder);
    free(bytes);
}

static int read_ticket(struct scratch *s, const char *text, size_t len, struct ticket *ticket,
                       struct source_content *content, struct error *e)
{
    struct source source;
    int folder = open_folder(s);
    put_bytes(in(s, "x.json"), text, len);
    assert_int_equal(source_open(&source, folder, "x.json", NULL), 0);
    struct pointer_set *set = pointer_set_new();
    struct ticket_parser *parser = ticket_parser_new(set, (struct ticket_limits){(int64_t)(64 * MIB), 64});
    int rc = source_read(&source, parser, 64 * MIB, MIB, content, e);
    if (rc == 0)
        rc = ticket_parser_finish(parser, ticket, e);
    ticket_parser_free(parser);
    pointer_set_free(set);
    source_close(&source);
    close(folder);
    return rc;
}

static void a_ticket_is_parsed_in_the_same_pass(void **state)
{
    struct scratch *s = *state;
    static const char head[] = "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"RANK\",\"Title\":\"";
    static const char tail[] = "\"},\"Filler\":[";
    size_t filler = 700 * 1024; /* several reads */
    size_t len = strlen(head) + strlen(tail) + filler + 4;
    char *text = malloc(len + 1);
    char *end = stpcpy(stpcpy(text, head), tail);
    memset(end, ' ', filler);
    stpcpy(end + filler, "]}}\n");
    struct ticket ticket;
    struct source_content content;
    ticket_init(&ticket);
    assert_int_equal(read_ticket(s, text, len, &ticket, &content, NULL), 0);
    assert_string_equal(ticket.fields[FIELD_CLIENT].text, "RANK");
    assert_int_equal(content.size, len);
    assert_memory_equal(content.bytes, text, len);
    ticket_fini(&ticket);
    source_content_fini(&content);
    free(text);
}

static void a_broken_document_still_has_its_hash_and_bytes(void **state)
{
    struct scratch *s = *state;
    size_t len = MIB;
    char *text = made_bytes(len); /* no JSON from the first byte on */
    struct ticket ticket;
    struct source_content content;
    struct error e = {0};
    ticket_init(&ticket);
    assert_int_equal(read_ticket(s, text, len, &ticket, &content, &e), ERR_SYNTAX);
    assert_int_equal(e.code, ERR_SYNTAX);
    assert_non_null(strstr(e.text, "line 1"));
    assert_int_equal(content.size, len);
    assert_memory_equal(content.bytes, text, len);
    assert_hash_of(content.sha256, text, len);
    source_content_fini(&content);
    ticket_fini(&ticket);
    free(text);
}

static void a_want_of_memory_is_told_and_leaks_nothing(void **state)
{
    struct scratch *s = *state;
    int folder = open_folder(s);
    struct source source;
    char *bytes = made_bytes(MIB);
    put_bytes(in(s, "x"), bytes, 100);
    assert_int_equal(source_open(&source, folder, "x", NULL), 0);
    put_bytes(in(s, "x"), bytes, MIB); /* so that it has to grow */
    SCARCE_SWEEP (n) {
        struct source_content content;
        struct error e = {0};
        scarce_begin(n, 1);
        int rc = source_read(&source, NULL, 4 * MIB, 4 * MIB, &content, &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        assert_int_equal(rc, e.code);
        assert_true(hit || content.size == MIB);
        source_content_fini(&content);
    }
    source_close(&source);
    close(folder);
    free(bytes);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_regular_file_is_opened_with_its_print),
        TEST(only_regular_files_are_ours),
        TEST(a_file_that_may_not_be_read_is_told_as_such),
        TEST(a_writer_is_seen_until_it_lets_go),
        TEST(a_writer_that_comes_later_is_noticed_and_waits_for_us),
        TEST(where_the_kernel_does_not_tell_the_writer_is_unknown),
        TEST(a_change_is_seen_by_the_next_look),
        TEST(content_is_kept_up_to_the_limit_and_hashed_always),
        TEST(what_was_added_after_the_open_is_read_too),
        TEST(a_ticket_is_parsed_in_the_same_pass),
        TEST(a_broken_document_still_has_its_hash_and_bytes),
        TEST(a_want_of_memory_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
