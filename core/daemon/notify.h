/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager how the daemon is doing: the sd_notify protocol, without its library.
 */
#ifndef TRESTLE_DAEMON_NOTIFY_H
#define TRESTLE_DAEMON_NOTIFY_H

/* Sends `state`, such as "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=..",
 * "STATUS=connecting" or "WATCHDOG=1", to the socket that NOTIFY_SOCKET names. Nothing happens when
 * it is not set; a failure is logged once and never in the way. */
void tr_notify(const char *state);

/* "READY=1" with a status line, and "RELOADING=1" with the time stamp it needs. */
void tr_notify_ready(const char *status);
void tr_notify_reloading(void);

#endif
