/* notify.h: what the program that started us (systemd, podman) wants to be told, by the protocol of sd_notify(3): one
 * datagram to the socket that NOTIFY_SOCKET names. Nobody asked, or nobody listens any more: nothing happens. Thread:
 * any, while none changes the environment.
 */
#ifndef SHUNT_IO_NOTIFY_H
#define SHUNT_IO_NOTIFY_H

void notify_manager(const char *state); /* "READY=1", "STOPPING=1" */

#endif
