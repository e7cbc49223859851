// The few operations sfukit needs of libssl, with C linkage and plain types, checked by the compiler against the
// library's own headers. Nothing here calls back into Rust, keeps a pointer of the caller or reads a clock.

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <limits.h>
#include <string.h>
#include <sys/time.h>

// Datagrams waiting for the caller, in bytes. A flight with the largest certificate chain fits twice.
static const size_t kMaxOutput = 64 * 1024;
// The largest handshake message taken from a peer. libssl keeps up to seven of them for reassembly.
static const size_t kMaxMessage = 16384;

// libssl asks for the time without saying for which connection: each entry point sets its connection's first.
static thread_local int64_t current_time_us;

static void current_time(const SSL *, struct timeval *out) {
  out->tv_sec = current_time_us / 1000000;
  out->tv_usec = current_time_us % 1000000;
}

// The caller compares the certificate with the fingerprint it was given by signaling (RFC 8122): names, chains and
// dates mean nothing here.
static enum ssl_verify_result_t accept_any_certificate(SSL *, uint8_t *) { return ssl_verify_ok; }

extern "C" {

struct sfukit_dtls_bytes {
  const uint8_t *data;
  size_t len;
};

struct sfukit_dtls_context {
  SSL_CTX *ssl_ctx;
  BIO_METHOD *bio_method;
};

struct sfukit_dtls_connection {
  SSL *ssl;
  int64_t time_us;
  // The datagram being handled; NULL outside of that and once libssl has read it.
  const uint8_t *input;
  size_t input_len;
  // Datagrams to send, each after its length in two bytes.
  uint8_t *output;
  size_t output_head;
  size_t output_len;
  size_t output_cap;
  uint64_t datagrams_written;
  uint64_t datagrams_lost;
};

enum {
  SFUKIT_DTLS_WAIT = 0,
  SFUKIT_DTLS_DATA = 1,
  SFUKIT_DTLS_CLOSED = 2,
  SFUKIT_DTLS_FAILED = 3,
};

static int bio_read(BIO *bio, char *out, int len) {
  BIO_clear_retry_flags(bio);
  auto *conn = static_cast<sfukit_dtls_connection *>(BIO_get_data(bio));
  if (conn == nullptr || conn->input == nullptr || len <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  // As with a socket, the tail of a datagram that does not fit is lost.
  size_t n = conn->input_len < static_cast<size_t>(len) ? conn->input_len : static_cast<size_t>(len);
  memcpy(out, conn->input, n);
  conn->input = nullptr;
  conn->input_len = 0;
  return static_cast<int>(n);
}

static int bio_write(BIO *bio, const char *in, int len) {
  BIO_clear_retry_flags(bio);
  auto *conn = static_cast<sfukit_dtls_connection *>(BIO_get_data(bio));
  if (conn == nullptr || len <= 0 || len > UINT16_MAX) {
    return -1;
  }
  conn->datagrams_written++;
  size_t need = conn->output_len + 2 + static_cast<size_t>(len);
  if (need > kMaxOutput) {
    // The network may lose datagrams, so may we: the retransmission timer covers both.
    conn->datagrams_lost++;
    return len;
  }
  if (need > conn->output_cap) {
    size_t cap = conn->output_cap == 0 ? 2048 : conn->output_cap;
    while (cap < need) {
      cap *= 2;
    }
    auto *grown = static_cast<uint8_t *>(OPENSSL_realloc(conn->output, cap));
    if (grown == nullptr) {
      conn->datagrams_lost++;
      return len;
    }
    conn->output = grown;
    conn->output_cap = cap;
  }
  uint8_t *at = conn->output + conn->output_len;
  at[0] = static_cast<uint8_t>(len >> 8);
  at[1] = static_cast<uint8_t>(len);
  memcpy(at + 2, in, static_cast<size_t>(len));
  conn->output_len = need;
  return len;
}

static long bio_ctrl(BIO *, int cmd, long, void *) { return cmd == BIO_CTRL_FLUSH ? 1 : 0; }

static int bio_create(BIO *bio) {
  BIO_set_init(bio, 1);
  return 1;
}

void sfukit_dtls_context_free(sfukit_dtls_context *context) {
  if (context == nullptr) {
    return;
  }
  SSL_CTX_free(context->ssl_ctx);
  BIO_meth_free(context->bio_method);
  OPENSSL_free(context);
}

// Returns 1 and sets |*out|, or the step that failed as a negative number.
int sfukit_dtls_context_new(const sfukit_dtls_bytes *chain, size_t chain_len, sfukit_dtls_bytes key,
                            const char *srtp_profiles, sfukit_dtls_context **out) {
  ERR_clear_error();
  auto *context = static_cast<sfukit_dtls_context *>(OPENSSL_zalloc(sizeof(sfukit_dtls_context)));
  if (context == nullptr) {
    return -1;
  }
  int result = -1;
  EVP_PKEY *pkey = nullptr;
  CRYPTO_BUFFER *certificates[8] = {};
  const size_t max_certificates = sizeof(certificates) / sizeof(certificates[0]);
  do {
    // Without crypto/x509: nothing of a peer's certificate is parsed but its public key.
    context->ssl_ctx = SSL_CTX_new(DTLS_with_buffers_method());
    context->bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sfukit datagrams");
    SSL_CTX *ctx = context->ssl_ctx;
    if (ctx == nullptr || context->bio_method == nullptr ||
        !BIO_meth_set_create(context->bio_method, bio_create) ||
        !BIO_meth_set_read(context->bio_method, bio_read) ||
        !BIO_meth_set_write(context->bio_method, bio_write) ||
        !BIO_meth_set_ctrl(context->bio_method, bio_ctrl)) {
      break;
    }
    result = -2;
    if (chain_len == 0 || chain_len > max_certificates) {
      break;
    }
    bool copied = true;
    for (size_t i = 0; i < chain_len; i++) {
      certificates[i] = CRYPTO_BUFFER_new(chain[i].data, chain[i].len, nullptr);
      copied = copied && certificates[i] != nullptr;
    }
    if (!copied) {
      break;
    }
    result = -3;
    const uint8_t *der = key.data;
    if (key.len > LONG_MAX) {
      break;
    }
    pkey = d2i_AutoPrivateKey(nullptr, &der, static_cast<long>(key.len));
    if (pkey == nullptr) {
      break;
    }
    result = -4;
    if (!SSL_CTX_set_chain_and_key(ctx, certificates, chain_len, pkey, nullptr)) {
      break;
    }
    result = -5;
    if (!SSL_CTX_set_srtp_profiles(ctx, srtp_profiles)) {
      break;
    }
    result = -6;
    // AEAD suites with forward secrecy alone, AES-128 first: what every WebRTC peer has, and no CBC padding to err in.
    if (!SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) ||
        !SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) ||
        !SSL_CTX_set_strict_cipher_list(ctx,
                                        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") ||
        !SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384:P-224")) {
      break;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, kMaxMessage);
    SSL_CTX_set_custom_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any_certificate);
    SSL_CTX_set_current_time_cb(ctx, current_time);
    result = 1;
  } while (false);

  for (CRYPTO_BUFFER *certificate : certificates) {
    CRYPTO_BUFFER_free(certificate);
  }
  EVP_PKEY_free(pkey);
  if (result != 1) {
    sfukit_dtls_context_free(context);
    return result;
  }
  *out = context;
  return 1;
}

void sfukit_dtls_connection_free(sfukit_dtls_connection *conn) {
  if (conn == nullptr) {
    return;
  }
  current_time_us = conn->time_us;
  SSL_free(conn->ssl);
  OPENSSL_free(conn->output);
  OPENSSL_free(conn);
}

// Must be freed before |context|.
sfukit_dtls_connection *sfukit_dtls_connection_new(const sfukit_dtls_context *context, int is_server, unsigned mtu) {
  ERR_clear_error();
  auto *conn = static_cast<sfukit_dtls_connection *>(OPENSSL_zalloc(sizeof(sfukit_dtls_connection)));
  if (conn == nullptr) {
    return nullptr;
  }
  // Zero means "no timer" to libssl.
  conn->time_us = 1000000;
  current_time_us = conn->time_us;
  conn->ssl = SSL_new(context->ssl_ctx);
  BIO *bio = BIO_new(context->bio_method);
  if (conn->ssl == nullptr || bio == nullptr) {
    BIO_free(bio);
    sfukit_dtls_connection_free(conn);
    return nullptr;
  }
  BIO_set_data(bio, conn);
  // Takes the one reference for both directions.
  SSL_set_bio(conn->ssl, bio, bio);
  if (!SSL_set_mtu(conn->ssl, mtu)) {
    sfukit_dtls_connection_free(conn);
    return nullptr;
  }
  if (is_server) {
    SSL_set_accept_state(conn->ssl);
  } else {
    SSL_set_connect_state(conn->ssl);
  }
  return conn;
}

static int status_of(sfukit_dtls_connection *conn, int ret) {
  switch (SSL_get_error(conn->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return SFUKIT_DTLS_WAIT;
    case SSL_ERROR_ZERO_RETURN:
      return SFUKIT_DTLS_CLOSED;
    default:
      return SFUKIT_DTLS_FAILED;
  }
}

static int advance(sfukit_dtls_connection *conn) {
  if (!SSL_is_init_finished(conn->ssl)) {
    int ret = SSL_do_handshake(conn->ssl);
    if (ret <= 0) {
      return status_of(conn, ret);
    }
  }
  uint8_t byte;
  int ret = SSL_peek(conn->ssl, &byte, 1);
  return ret > 0 ? SFUKIT_DTLS_DATA : status_of(conn, ret);
}

// Handles one datagram, or with |data| NULL starts the handshake. |*taken| is 0 if unread application data had to be
// read first: the datagram is lost.
int sfukit_dtls_handle(sfukit_dtls_connection *conn, const uint8_t *data, size_t len, int *taken) {
  current_time_us = conn->time_us;
  conn->input = data;
  conn->input_len = data == nullptr ? 0 : len;
  int status = advance(conn);
  *taken = conn->input == nullptr;
  conn->input = nullptr;
  conn->input_len = 0;
  return status;
}

// Returns the length of the next datagram to send, having copied it to |out| if it fits, or zero.
size_t sfukit_dtls_next_datagram(sfukit_dtls_connection *conn, uint8_t *out, size_t cap) {
  if (conn->output_head + 2 > conn->output_len) {
    return 0;
  }
  const uint8_t *at = conn->output + conn->output_head;
  size_t len = (static_cast<size_t>(at[0]) << 8) | at[1];
  if (len <= cap) {
    memcpy(out, at + 2, len);
  } else {
    conn->datagrams_lost++;
  }
  conn->output_head += 2 + len;
  if (conn->output_head == conn->output_len) {
    conn->output_head = 0;
    conn->output_len = 0;
    // A flight's worth of memory is not kept for the lifetime of a session.
    OPENSSL_free(conn->output);
    conn->output = nullptr;
    conn->output_cap = 0;
  }
  return len;
}

int sfukit_dtls_read(sfukit_dtls_connection *conn, uint8_t *out, size_t cap, size_t *out_len) {
  current_time_us = conn->time_us;
  *out_len = 0;
  if (!SSL_is_init_finished(conn->ssl)) {
    return SFUKIT_DTLS_WAIT;
  }
  int ret = SSL_read(conn->ssl, out, cap > INT_MAX ? INT_MAX : static_cast<int>(cap));
  if (ret <= 0) {
    return status_of(conn, ret);
  }
  *out_len = static_cast<size_t>(ret);
  return SFUKIT_DTLS_DATA;
}

int sfukit_dtls_write(sfukit_dtls_connection *conn, const uint8_t *data, size_t len) {
  current_time_us = conn->time_us;
  if (!SSL_is_init_finished(conn->ssl) || len > INT_MAX) {
    return 0;
  }
  return SSL_write(conn->ssl, data, static_cast<int>(len)) > 0;
}

int sfukit_dtls_is_established(const sfukit_dtls_connection *conn) { return SSL_is_init_finished(conn->ssl); }

int sfukit_dtls_timer_runs(const sfukit_dtls_connection *conn) {
  current_time_us = conn->time_us;
  struct timeval left;
  return DTLSv1_get_timeout(conn->ssl, &left);
}

// Repeats the last flight. libssl's own timer, up to 60 s, is made to expire by moving its clock: when to repeat is
// the caller's choice.
int sfukit_dtls_retransmit(sfukit_dtls_connection *conn) {
  conn->time_us += 120 * 1000000LL;
  current_time_us = conn->time_us;
  int ret = DTLSv1_handle_timeout(conn->ssl);
  return ret < 0 ? SFUKIT_DTLS_FAILED : SFUKIT_DTLS_WAIT;
}

// Sends close_notify if there is a session to close.
void sfukit_dtls_shutdown(sfukit_dtls_connection *conn) {
  current_time_us = conn->time_us;
  if (SSL_is_init_finished(conn->ssl)) {
    SSL_shutdown(conn->ssl);
  }
  ERR_clear_error();
}

uint64_t sfukit_dtls_datagrams_written(const sfukit_dtls_connection *conn) { return conn->datagrams_written; }

uint64_t sfukit_dtls_datagrams_lost(const sfukit_dtls_connection *conn) { return conn->datagrams_lost; }

// The IANA number of the negotiated profile, or zero.
unsigned sfukit_dtls_srtp_profile(const sfukit_dtls_connection *conn) {
  const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(conn->ssl);
  return profile == nullptr ? 0 : static_cast<unsigned>(profile->id);
}

int sfukit_dtls_export(sfukit_dtls_connection *conn, const char *label, size_t label_len, uint8_t *out, size_t len) {
  return SSL_is_init_finished(conn->ssl) &&
         SSL_export_keying_material(conn->ssl, out, len, label, label_len, nullptr, 0, 0);
}

// Valid until the connection is used again.
sfukit_dtls_bytes sfukit_dtls_peer_certificate(const sfukit_dtls_connection *conn) {
  const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(conn->ssl);
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) {
    return {nullptr, 0};
  }
  const CRYPTO_BUFFER *leaf = sk_CRYPTO_BUFFER_value(chain, 0);
  return {CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_len(leaf)};
}

// The first error since the last operation of this thread: its reason's number, or zero if there is none or if it is
// not libssl's, and as text of at most |cap| - 1 bytes.
int sfukit_dtls_error(char *text, size_t cap) {
  uint32_t error = ERR_peek_error();
  int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  const char *reason_text = error == 0 ? "no reason given" : ERR_reason_error_string(error);
  OPENSSL_strlcpy(text, reason_text == nullptr ? "unknown reason" : reason_text, cap);
  ERR_clear_error();
  return reason;
}

int sfukit_dtls_is_timeout(int reason) { return reason == SSL_R_READ_TIMEOUT_EXPIRED; }

// The alert number of a fatal alert received, or -1.
int sfukit_dtls_peer_alert(int reason) {
  return reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256 ? reason - SSL_AD_REASON_OFFSET : -1;
}

}  // extern "C"
