/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix users whom the configuration keeps out (excludedUsers). */
#include "bridges/irc/puppet.h"

const char *tr_irc_excluded(const struct tr_irc_network *network, const char *user_id)
{
	const struct tr_irc_server_config *config = network->config;
	for (size_t i = 0; i < config->excluded_user_count; i++) {
		const struct tr_irc_excluded_user *rule = &config->excludedUsers[i];
		if (tr_regex_matches(rule->regex.regex, tr_str_from(user_id))) {
			return rule->kickReason != NULL ? rule->kickReason
							: "You are not bridged to this network";
		}
	}
	return NULL;
}
