/* SPDX-License-Identifier: Apache-2.0 */
/* Comings and goings in Matrix, carried out on IRC. */
#ifndef TRESTLE_IRC_MEMBER_OP_H
#define TRESTLE_IRC_MEMBER_OP_H

#include "bridges/irc/network.h"

/* Takes an operation of kind TR_OP_MEMBER and ends it. */
void tr_irc_member_op(struct tr_irc_network *network, struct tr_op *op);

#endif
