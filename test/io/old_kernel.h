/* old_kernel.h: runs a function on a thread for which the file system has neither renameat2's flags nor, where asked,
 * link(2): what a network file system offers. */
#ifndef SHUNT_TEST_OLD_KERNEL_H
#define SHUNT_TEST_OLD_KERNEL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "scratch.h"

struct old_kernel {
    void (*run)(void *arg);
    void *arg;
    bool links; /* link(2) works */
    bool ran;
};

static void *old_kernel_thread(void *arg)
{
    struct old_kernel *o = arg;
    unsigned link_answer = o->links ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM;
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, link_answer),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[4])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return NULL;
    o->run(o->arg);
    o->ran = true;
    return NULL;
}

/* `run` asserts nothing: it is not the test's own thread. */
static inline void on_old_kernel(bool links, void (*run)(void *arg), void *arg)
{
    struct old_kernel o = {.run = run, .arg = arg, .links = links};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, old_kernel_thread, &o), 0);
    pthread_join(thread, NULL);
    if (!o.ran) {
        print_message("system calls cannot be filtered here: %s\n", strerror(errno));
        skip();
    }
}

#endif
