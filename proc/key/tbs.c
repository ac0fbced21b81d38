/*
 * What servers sign in handshakes.
 *
 * TLS 1.3 (RFC 8446, 4.4.3): 64 spaces, a text, a zero, and the hash of the
 * transcript, by SHA-256 or 384 as the cipher suites have it.  The text of a
 * client's signature is another one.
 *
 * TLS 1.2 (RFC 8422, 5.4): both randoms and the server's ephemeral key: curve type
 * "named", curve, point.  The randoms may be anything, but no content is of both
 * kinds: where the curve type stands in the one, the text begins in the other.
 */
#include "proc/key/tbs.h"

#include <string.h>

#define SPACES 64
#define RANDOMS 64 /* client's and server's */
#define NAMED_CURVE 3
#define UNCOMPRESSED 4

static const char server_text[] = "TLS 1.3, server CertificateVerify"; /* its zero belongs to it */

/* Those that proc/http/tls.c offers. */
static const struct {
	uint16_t id;
	uint8_t point_len;
	uint8_t first; /* byte of the point; 0 for any */
} groups[] = {
	{ 29, 32, 0 }, /* X25519 */
	{ 23, 65, UNCOMPRESSED }, /* P-256 */
	{ 24, 97, UNCOMPRESSED }, /* P-384 */
	{ 25, 133, UNCOMPRESSED }, /* P-521 */
};

static enum tbs
tls13_kind(const uint8_t *content, size_t len)
{
	size_t head = SPACES + sizeof(server_text);

	if (len != head + 32 && len != head + 48)
		return (TBS_NONE);
	for (size_t i = 0; i < SPACES; i++)
		if (content[i] != ' ')
			return (TBS_NONE);
	if (memcmp(content + SPACES, server_text, sizeof(server_text)) != 0)
		return (TBS_NONE);
	return (TBS_TLS13);
}

static enum tbs
tls12_kind(const uint8_t *content, size_t len)
{
	size_t head = RANDOMS + 4;
	const uint8_t *params; /* type 1, curve 2, length 1, point */

	if (len <= head)
		return (TBS_NONE);
	params = content + RANDOMS;
	if (params[0] != NAMED_CURVE || len != head + params[3])
		return (TBS_NONE);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if ((params[1] << 8 | params[2]) == groups[i].id)
			return (params[3] == groups[i].point_len &&
					(groups[i].first == 0 || params[4] == groups[i].first)
				    ? TBS_TLS12
				    : TBS_NONE);
	return (TBS_NONE);
}

enum tbs
tbs_kind(const uint8_t *content, size_t len)
{
	enum tbs kind = tls13_kind(content, len);

	return (kind != TBS_NONE ? kind : tls12_kind(content, len));
}
