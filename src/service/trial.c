/* trial.c: see trial.h. The file is one line: "INODE FOLDER/name". */
#include "shunt/service/trial.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define TRIAL_FILE ".trial"
#define LINE_SIZE  (sizeof(struct trial) + 24)

void trial_note(int underprocess_fd, const struct trial *trial)
{
    char line[LINE_SIZE];
    int fd = openat(underprocess_fd, TRIAL_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    int len = snprintf(line, sizeof line, "%" PRIu64 " %s", trial->inode, trial->key);
    (void)!write(fd, line, (size_t)len);
    close(fd);
}

void trial_over(int underprocess_fd)
{
    unlinkat(underprocess_fd, TRIAL_FILE, 0);
}

void trial_read(int underprocess_fd, struct trial *out)
{
    char line[LINE_SIZE];
    int key_at = 0;
    *out = (struct trial){0};
    int fd = openat(underprocess_fd, TRIAL_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, line, sizeof line - 1);
    line[n > 0 ? n : 0] = '\0';
    close(fd);
    if (sscanf(line, "%" SCNu64 " %n", &out->inode, &key_at) == 1 && key_at > 0)
        snprintf(out->key, sizeof out->key, "%s", line + key_at);
}
