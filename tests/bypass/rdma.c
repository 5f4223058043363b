// SPDX-License-Identifier: GPL-2.0-only
/* Remote memory access: a device that everybody may open, and no socket at all. host.sh makes one above the
 * line (RoCE: datagrams to port 4791); a network card that can do it by itself would not even show them to
 * the kernel. */
#include "trick.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <rdma/rdma_user_cm.h>

#define RELIABLE 2 /* enum ib_qp_type */

static int command(int fd, uint32_t cmd, const void *in, size_t size, size_t out)
{
	struct {
		struct rdma_ucm_cmd_hdr head;
		uint8_t body[sizeof(struct rdma_ucm_connect)];
	} call = {.head = {.cmd = cmd, .in = (uint16_t)size, .out = (uint16_t)out}};
	ssize_t n = (ssize_t)(sizeof(call.head) + size);

	memcpy(call.body, in, size);
	return write(fd, &call, (size_t)n) == n ? 0 : -1;
}

/* Waits for the end of what was begun, up to a second. */
static int ended(int fd)
{
	struct rdma_ucm_event_resp event;
	struct rdma_ucm_get_event get = {.response = (uintptr_t)&event};

	for (int i = 0; i < 100; i++) {
		if (!command(fd, RDMA_USER_CM_CMD_GET_EVENT, &get, sizeof(get), sizeof(event)))
			return event.status ? -1 : 0;
		nap(10);
	}
	return -1;
}

/* The text is in the message that asks for a connection. */
static const char *rdma_connect(void)
{
	struct rdma_ucm_create_id_resp made = {0};
	struct rdma_ucm_create_id create = {
		.response = (uintptr_t)&made, .ps = RDMA_PS_TCP, .qp_type = RELIABLE};
	struct rdma_ucm_resolve_addr to = {.timeout_ms = 500};
	struct rdma_ucm_resolve_route route = {.timeout_ms = 500};
	struct rdma_ucm_connect connect = {.conn_param = {.qp_num = 7,
							  .private_data_len = MARK_LEN,
							  .responder_resources = 1,
							  .initiator_depth = 1,
							  .valid = 1}};
	struct sockaddr_storage addr;
	int fd = open("/dev/infiniband/rdma_cm", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return missing("/dev/infiniband/rdma_cm");
	if (command(fd, RDMA_USER_CM_CMD_CREATE_ID, &create, sizeof(create), sizeof(made)))
		return missing("RDMA");
	to.dst_size = (uint16_t)place(BAD4, BAD_PORT, &addr);
	memcpy(&to.dst_addr, &addr, sizeof(to.dst_addr));
	to.id = route.id = connect.id = made.id;
	if (command(fd, RDMA_USER_CM_CMD_RESOLVE_ADDR, &to, sizeof(to), 0) || ended(fd))
		return missing("RDMA address");
	if (command(fd, RDMA_USER_CM_CMD_RESOLVE_ROUTE, &route, sizeof(route), 0) || ended(fd))
		return missing("RDMA route");
	memcpy(connect.conn_param.private_data, MARK, MARK_LEN);
	if (command(fd, RDMA_USER_CM_CMD_CONNECT, &connect, sizeof(connect), 0))
		return missing("RDMA connection");
	nap(100);
	close(fd);
	return NULL;
}

static const char *rdma(void)
{
	const char *r = first_netns();

	return r ? r : rdma_connect();
}

const struct trick tricks_rdma[] = {
	{"rdma-connect", rdma, 0, "it is a device and no socket; keep /dev/infiniband away from it"},
	{NULL, NULL, 0, NULL},
};
