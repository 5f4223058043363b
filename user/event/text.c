// SPDX-License-Identifier: GPL-2.0-only
/* The one-line form of a record:
 *   block in rule 18 sharingd pid 445 uid 501 tcp [fe80::1]:50392 -> [fe80::2]:8770
 * The arrow points the way the flow goes: from the local end for `out`, from the remote one for `in`.
 * Where no rule decided, `error NAME` stands in place of `rule N`. */
#include <inttypes.h>
#include <stdio.h>

#include "show.h"
#include "record.h"

void record_text(const struct record *r, char *out, size_t size)
{
	char local[SHOW_END_MAX], remote[SHOW_END_MAX], program[256], why[32], number[4], uid[12] = "*";
	bool ports = r->known & CGW_Q_PROTO && show_proto_has_ports(r->proto);
	bool in = r->dir == CGW_IN;

	if (r->lost) {
		snprintf(out, size, "cgwall: %" PRIu64 " log line%s lost here: the event buffer was full",
			 r->lost, r->lost == 1 ? " was" : "s were");
		return;
	}
	show_end(r->local, r->known & CGW_Q_LOCAL, r->lport, ports && r->known & CGW_Q_LPORT, local,
		 sizeof(local));
	show_end(r->remote, r->known & CGW_Q_REMOTE, r->rport, ports && r->known & CGW_Q_RPORT, remote,
		 sizeof(remote));
	show_quote(record_program(r), program, sizeof(program));
	if (r->error)
		snprintf(why, sizeof(why), "error %s", show_error(r->error));
	else
		snprintf(why, sizeof(why), "rule %" PRIu32, r->rule);
	if (r->known & CGW_Q_UID)
		snprintf(uid, sizeof(uid), "%" PRIu32, r->uid);
	snprintf(out, size, "%s %s %s %s pid %" PRIu32 " uid %s %s %s -> %s%s", show_action(r->verdict),
		 show_dir(r->dir), why, program, r->pid, uid,
		 r->known & CGW_Q_PROTO ? show_proto(r->proto, number) : "*", in ? remote : local,
		 in ? local : remote, r->observed ? " observed" : "");
}
