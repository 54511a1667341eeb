/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one idle session costs: resident memory of this process per open stream, plain and TLS, each
 * after it has read and written one line, and the time to connect them all. The server is a child
 * process, so that only the client's side is measured. Usage: stream_bench [SESSIONS]
 */
#include "core/base/alloc.h"
#include "core/base/clock.h"
#include "core/io/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IN_FLIGHT = 64, DEFAULT_SESSIONS = 1000, SESSIONS_MAX = 20000 };
static const char line[] = "PING :0123456789\r\n";

struct bench {
	struct tr_loop *loop;
	struct tr_stream_options options;
	size_t wanted;
	size_t started;
	size_t opened;
	size_t answered;
	struct session *sessions;
};

struct session {
	struct bench *bench;
	struct tr_stream *stream;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "stream_bench: %s\n", what);
	_exit(1);
}

static SSL_CTX *server_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	(void)X509_set_version(cert, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	(void)X509_set_pubkey(cert, key);
	(void)X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	(void)X509_set_issuer_name(cert, name);
	if (X509_sign(cert, key, EVP_sha256()) == 0 ||
		SSL_CTX_use_certificate(context, cert) != 1 ||
		SSL_CTX_use_PrivateKey(context, key) != 1) {
		fail("cannot make a certificate");
	}
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	X509_free(cert);
	EVP_PKEY_free(key);
	return context;
}

/* Serves one after the other for ever: handshake, one line, and keeps the socket open. */
static void serve(int listener, SSL_CTX *context)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			fail("accept");
		}
		if (context) {
			SSL *ssl = SSL_new(context);

			SSL_set_fd(ssl, fd);
			if (SSL_accept(ssl) != 1 ||
				SSL_write(ssl, line, (int)sizeof(line) - 1) <= 0) {
				fail("handshake");
			}
		} else if (send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL) < 0) {
			fail("send");
		}
	}
}

static pid_t start_server(SSL_CTX *context, uint16_t *port)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pid_t child;

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, len) != 0 ||
		listen(listener, IN_FLIGHT * 2) != 0 ||
		getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
		fail("cannot listen");
	}
	*port = ntohs(address.sin_port);
	child = fork();
	if (child == 0) {
		serve(listener, context);
	}
	close(listener);
	return child;
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char text[128] = "";
	struct tr_str rest;
	struct tr_str word;
	uint64_t pages = 0;

	if (!file || !fgets(text, sizeof(text), file)) {
		fail("cannot read /proc/self/statm");
	}
	(void)fclose(file);
	rest = tr_str_from(text);
	(void)tr_str_word(&rest, &word);
	(void)tr_str_word(&rest, &word);
	(void)tr_str_to_u64(word, &pages);
	return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void start_more(struct bench *bench);

static void on_open(void *arg)
{
	struct session *session = arg;

	session->bench->opened++;
	(void)tr_stream_write(session->stream, TR_STR("PONG :0123456789\r\n"));
	start_more(session->bench);
}

static void on_read(void *arg, struct tr_str bytes)
{
	struct session *session = arg;

	(void)bytes;
	session->bench->answered++;
}

static void on_close(void *arg, const struct tr_error *error)
{
	(void)arg;
	fail(error->text);
}

static void start_more(struct bench *bench)
{
	static const struct tr_stream_handler handler = {on_open, on_read, NULL, on_close};

	while (bench->started < bench->wanted && bench->started - bench->opened < IN_FLIGHT) {
		struct session *session = &bench->sessions[bench->started++];

		session->bench = bench;
		session->stream = tr_stream_create(bench->loop, &bench->options, &handler, session);
	}
}

/* Opens `wanted` sessions and waits for a line on each. */
static void open_to(struct bench *bench, size_t wanted)
{
	bench->wanted = wanted;
	start_more(bench);
	while (bench->answered < wanted) {
		tr_loop_turn(bench->loop, true);
	}
}

static void measure(const char *name, struct tr_tls *tls, SSL_CTX *context, size_t count)
{
	/* The first sessions pay for shared buffers and tables; they are not counted. */
	const size_t warm_up = 100;
	struct bench bench = {.loop = tr_loop_create()};
	uint16_t port;
	pid_t child = start_server(context, &port);
	size_t before;
	uint64_t start;
	size_t i;

	bench.sessions = tr_alloc_array(count + warm_up, sizeof(*bench.sessions));
	memset(bench.sessions, 1, (count + warm_up) * sizeof(*bench.sessions));
	bench.options.host = "127.0.0.1";
	bench.options.port = port;
	bench.options.tls = tls;
	open_to(&bench, warm_up);
	before = resident_bytes();
	start = tr_clock_mono_ms();
	open_to(&bench, count + warm_up);
	printf("%-6s %6zu sessions: %7.2f KB each, %6.1f MB in all, connected in %.2f s\n", name,
		count, (double)(resident_bytes() - before) / 1024 / (double)count,
		(double)resident_bytes() / 1024 / 1024,
		(double)(tr_clock_mono_ms() - start) / 1000);
	(void)fflush(stdout);
	for (i = 0; i < count + warm_up; i++) {
		tr_stream_destroy(bench.sessions[i].stream);
	}
	tr_loop_destroy(bench.loop);
	tr_free(bench.sessions);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	struct tr_tls_options trust = {.allow_self_signed = true};
	struct tr_tls *tls = tr_tls_create(&trust, NULL);
	SSL_CTX *context = server_context();
	uint64_t count = DEFAULT_SESSIONS;
	struct rlimit limit;

	if (argc > 1 && (!tr_str_to_u64(tr_str_from(argv[1]), &count) || count == 0 ||
				count > SESSIONS_MAX)) {
		fail("the number of sessions is 1 to 20000");
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	measure("plain", NULL, NULL, (size_t)count);
	measure("TLS", tls, context, (size_t)count);
	SSL_CTX_free(context);
	tr_tls_destroy(tls);
	return 0;
}
