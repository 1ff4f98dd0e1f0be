/* ticket_yajl.c: a yajl handle that survives running out of memory.
 *
 * yajl does not check its allocations. Its allocator is ours: it keeps all blocks in a ring and, out of memory, jumps
 * out of yajl; after that the handle is not touched again and the ring is freed as it is. yajl holds nothing but
 * memory.
 */
#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"

#include "ticket_parser.h"

static void *block_link(struct ticket_parser *p, struct yajl_block *block)
{
    if (block == NULL) {
        if (p->guarded) {
            longjmp(p->no_memory, 1);
        }
        return NULL;
    }
    block->next = p->blocks.next;
    block->prev = &p->blocks;
    block->next->prev = block;
    p->blocks.next = block;
    return block + 1;
}

static void block_unlink(struct yajl_block *block)
{
    block->prev->next = block->next;
    block->next->prev = block->prev;
}

static void *on_malloc(void *context, size_t size)
{
    return block_link(context, mem_alloc(sizeof(struct yajl_block) + size));
}

static void on_free(void *context, void *bytes)
{
    (void)context;
    if (bytes != NULL) {
        struct yajl_block *block = (struct yajl_block *)bytes - 1;
        block_unlink(block);
        mem_free(block);
    }
}

static void *on_realloc(void *context, void *bytes, size_t size)
{
    if (bytes == NULL) {
        return on_malloc(context, size);
    }
    struct yajl_block *old = (struct yajl_block *)bytes - 1;
    block_unlink(old);
    struct yajl_block *block = mem_resize(old, sizeof *block + size);
    if (block == NULL) {
        (void)block_link(context, old);
    }
    return block_link(context, block);
}

bool ticket_yajl_open(struct ticket_parser *p)
{
    p->allocator = (yajl_alloc_funcs){.malloc = on_malloc, .realloc = on_realloc, .free = on_free, .ctx = p};
    p->blocks.next = p->blocks.prev = &p->blocks;
    if (setjmp(p->no_memory) != 0) {
        p->guarded = false;
        return false;
    }
    p->guarded = true;
    p->yajl = yajl_alloc(&ticket_callbacks, &p->allocator, p);
    p->guarded = false;
    return p->yajl != NULL;
}

yajl_status ticket_yajl_parse(struct ticket_parser *p, const uint8_t *piece, size_t n)
{
    if (setjmp(p->no_memory) != 0) {
        p->guarded = false;
        error_set(&p->refused, ERR_NOMEM, "out of memory");
        return yajl_status_error;
    }
    p->guarded = true;
    yajl_status status = piece != NULL ? yajl_parse(p->yajl, piece, n) : yajl_complete_parse(p->yajl);
    p->guarded = false;
    return status;
}

void ticket_yajl_close(struct ticket_parser *p)
{
    while (p->blocks.next != NULL && p->blocks.next != &p->blocks) {
        on_free(p, p->blocks.next + 1);
    }
}

int ticket_yajl_words(struct ticket_parser *p, struct yajl_words *words)
{
    unsigned char *raw = yajl_get_error(p->yajl, 0, NULL, 0);
    if (raw == NULL) {
        return ERR_NOMEM;
    }
    const char *text = (const char *)raw;
    words->lexical = strncmp(text, "lexical", 7) == 0;
    const char *what = strstr(text, "error: ");
    (void)snprintf(words->text, sizeof words->text, "%s", what != NULL ? what + 7 : text);
    words->text[strcspn(words->text, "\n")] = '\0';
    size_t len = strlen(words->text);
    if (len > 0 && words->text[len - 1] == '.') {
        words->text[len - 1] = '\0';
    }
    yajl_free_error(p->yajl, raw);
    return 0;
}
