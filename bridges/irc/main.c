/* SPDX-License-Identifier: Apache-2.0 */
/* trestle-irc: the daemon that joins IRC networks to Matrix. */
#include "bridges/irc/module.h"

int main(int argc, char **argv)
{
	return tr_daemon_main(&tr_irc_module, argc, argv);
}
