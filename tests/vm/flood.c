// SPDX-License-Identifier: GPL-2.0-only
/* flood IFACE COUNT   makes and removes a virtual Wi-Fi interface beside IFACE so often, each a few events of
 * nl80211. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nl80211.h>

#include "../../user/state/genl.h"

int main(int argc, char **argv)
{
	int fd = genl_open(false), r = fd < 0 ? fd : argc == 3 ? 0 : -EINVAL;
	struct genl_request q;
	uint16_t family = 0;

	if (!r)
		r = genl_family(fd, NL80211_GENL_NAME, &family, NULL, NULL, 0);
	for (int i = 0; !r && i < atoi(argv[2]); i++) {
		genl_begin(&q, family, NL80211_CMD_NEW_INTERFACE, 0);
		genl_put_u32(&q, NL80211_ATTR_IFINDEX, if_nametoindex(argv[1]));
		genl_put(&q, NL80211_ATTR_IFNAME, "flood0", sizeof("flood0"));
		genl_put_u32(&q, NL80211_ATTR_IFTYPE, NL80211_IFTYPE_STATION);
		r = genl_call(fd, &q, NULL, NULL);
		if (r)
			break;
		genl_begin(&q, family, NL80211_CMD_DEL_INTERFACE, 0);
		genl_put_u32(&q, NL80211_ATTR_IFINDEX, if_nametoindex("flood0"));
		r = genl_call(fd, &q, NULL, NULL);
	}
	if (r)
		fprintf(stderr, "flood: %s\n", strerror(-r));
	return r != 0;
}
