/* trial.c: see trial.h. */
#include "shunt/service/trial.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TRIAL_FILE ".trial"

void trial_note(int underprocess_fd, const char *key)
{
    size_t len = strlen(key);
    if (len == 0) {
        unlinkat(underprocess_fd, TRIAL_FILE, 0);
        return;
    }
    int fd = openat(underprocess_fd, TRIAL_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)!write(fd, key, len);
    close(fd);
}

void trial_read(int underprocess_fd, char key[TRIAL_MAX])
{
    key[0] = '\0';
    int fd = openat(underprocess_fd, TRIAL_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, key, TRIAL_MAX - 1);
    key[n > 0 ? n : 0] = '\0';
    close(fd);
}
