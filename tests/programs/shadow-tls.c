// SPDX-License-Identifier: BSD-2-Clause
// A TLS 1.3 handshake, client and server in one process, with generators that were seeded and used as early as a program can: in a
// constructor, so before main, and before the point. Lines of a name and a value: what the generators give after the point ("drbg", "psa"),
// and the traffic secret that both ends agreed on ("session"). Words, in any order:
//     call        freezes itself when it is ready
//     ephemeral   with an ephemeral Diffie-Hellman exchange; else the pre-shared key and the two ends' random bytes alone
//     stale       takes away what this project's mbedTLS does for forks: the generator is not reseeded for each request
//     watched     but it is when the generation is another than when it was seeded
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <penglai/shadow.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

#define MUST(call)                                                          \
  do {                                                                      \
    int result = (int)(call);                                               \
    if (result) {                                                           \
      printf("line %d: %s: -0x%x\n", __LINE__, #call, (unsigned)-result);   \
      return 1;                                                             \
    }                                                                       \
  } while (0)

// One direction: what one end wrote and the other has not read.
struct wire {
  unsigned char bytes[16384];
  size_t begin, end;
};
struct end {
  mbedtls_ssl_config config;
  mbedtls_ssl_context ssl;
  struct wire *in, *out;
  unsigned char secret[48];
  size_t secret_bytes;
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static const volatile uint64_t *generation;
static uint64_t seeded_under;
static struct wire to_server, to_client;
static struct end client = {.in = &to_client, .out = &to_server}, server = {.in = &to_server, .out = &to_client};

__attribute__((constructor)) static void seed(void) {
  unsigned char used[32];
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&drbg);
  if (mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) || mbedtls_ctr_drbg_random(&drbg, used, sizeof used) ||
      psa_crypto_init() != PSA_SUCCESS || psa_generate_random(used, sizeof used) != PSA_SUCCESS)
    printf("not seeded\n");
  if ((generation = pl_shadow_generation())) seeded_under = *generation;
}

static int send_some(void *context, const unsigned char *from, size_t n) {
  struct wire *wire = ((struct end *)context)->out;
  if (n > sizeof wire->bytes - wire->end) n = sizeof wire->bytes - wire->end;
  if (!n) return MBEDTLS_ERR_SSL_WANT_WRITE;
  memcpy(wire->bytes + wire->end, from, n);
  wire->end += n;
  return (int)n;
}

static int receive_some(void *context, unsigned char *to, size_t n) {
  struct wire *wire = ((struct end *)context)->in;
  if (wire->begin == wire->end) return MBEDTLS_ERR_SSL_WANT_READ;
  if (n > wire->end - wire->begin) n = wire->end - wire->begin;
  memcpy(to, wire->bytes + wire->begin, n);
  wire->begin += n;
  if (wire->begin == wire->end) wire->begin = wire->end = 0;
  return (int)n;
}

static void keep_secret(void *context, mbedtls_ssl_key_export_type type, const unsigned char *secret, size_t bytes, const unsigned char client_random[32],
                        const unsigned char server_random[32], mbedtls_tls_prf_types prf) {
  struct end *end = context;
  (void)client_random, (void)server_random, (void)prf;
  if (type != MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET || bytes > sizeof end->secret) return;
  memcpy(end->secret, secret, bytes);
  end->secret_bytes = bytes;
}

static int prepare(struct end *end, int side, int exchange) {
  static const unsigned char psk[] = "the same in every fork, by design";
  mbedtls_ssl_config_init(&end->config);
  mbedtls_ssl_init(&end->ssl);
  MUST(mbedtls_ssl_config_defaults(&end->config, side, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
  mbedtls_ssl_conf_min_tls_version(&end->config, MBEDTLS_SSL_VERSION_TLS1_3);
  mbedtls_ssl_conf_authmode(&end->config, MBEDTLS_SSL_VERIFY_NONE);
  mbedtls_ssl_conf_tls13_key_exchange_modes(&end->config, exchange);
  mbedtls_ssl_conf_rng(&end->config, mbedtls_ctr_drbg_random, &drbg);
  MUST(mbedtls_ssl_conf_psk(&end->config, psk, sizeof psk - 1, (const unsigned char *)"test", 4));
  MUST(mbedtls_ssl_setup(&end->ssl, &end->config));
  mbedtls_ssl_set_bio(&end->ssl, end, send_some, receive_some, NULL);
  mbedtls_ssl_set_export_keys_cb(&end->ssl, keep_secret, end);
  return 0;
}

static int would_block(int result) { return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE; }

static int talk(void) {
  unsigned char text[16];
  int at_client = 1, at_server = 1;
  for (int step = 0; (at_client || at_server) && step < 100; ++step) {
    if (at_client && (at_client = mbedtls_ssl_handshake(&client.ssl)) && !would_block(at_client)) MUST(at_client);
    if (at_server && (at_server = mbedtls_ssl_handshake(&server.ssl)) && !would_block(at_server)) MUST(at_server);
  }
  MUST(at_client || at_server);
  MUST(mbedtls_ssl_write(&client.ssl, (const unsigned char *)"through it", 10) != 10);
  MUST(mbedtls_ssl_read(&server.ssl, text, sizeof text) != 10);
  MUST(memcmp(text, "through it", 10));
  MUST(!client.secret_bytes || client.secret_bytes != server.secret_bytes || memcmp(client.secret, server.secret, client.secret_bytes));
  return 0;
}

static void show(const char *name, const unsigned char *bytes, size_t count) {
  printf("%s ", name);
  for (size_t i = 0; i < count; ++i) printf("%02x", bytes[i]);
  putchar('\n');
}

int main(int argc, char **argv) {
  int call = 0, watched = 0, exchange = MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK;
  unsigned char bytes[32];
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "call")) call = 1;
    if (!strcmp(argv[i], "ephemeral")) exchange = MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL;
    if (!strcmp(argv[i], "watched")) watched = 1;
    if (!strcmp(argv[i], "stale")) mbedtls_ctr_drbg_set_reseed_interval(&drbg, 10000);
  }
  if (prepare(&client, MBEDTLS_SSL_IS_CLIENT, exchange) || prepare(&server, MBEDTLS_SSL_IS_SERVER, exchange)) return 1;
  if (call && pl_shadow_point() != 1) return printf("no point\n"), 1;
  if (watched && *generation != seeded_under) MUST(mbedtls_ctr_drbg_reseed(&drbg, NULL, 0));
  MUST(mbedtls_ctr_drbg_random(&drbg, bytes, sizeof bytes));
  show("drbg", bytes, sizeof bytes);
  MUST(psa_generate_random(bytes, sizeof bytes));
  show("psa", bytes, sizeof bytes);
  if (talk()) return 1;
  show("session", client.secret, client.secret_bytes);
  return 0;
}
