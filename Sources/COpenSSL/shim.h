// OpenSSL's digests, message authentication and TLS, and what Swift cannot import of them.
#ifndef KINESIS_SIDECAR_COPENSSL_H
#define KINESIS_SIDECAR_COPENSSL_H

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// The names of parameters are string macros, which Swift cannot hand to a parameter of type char *.
static inline EVP_MAC_CTX *copenssl_hmac_sha256(EVP_MAC *mac, const unsigned char *key, size_t length) {
    static char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    if (context != NULL && EVP_MAC_init(context, key, length, parameters) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

// Of what stands behind these macros only constants and function calls that Swift does not see.
static inline void copenssl_server_defaults(SSL_CTX *context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // A write that would block is repeated from wherever the bytes are by then; idle sessions hold no buffers.
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
}

static inline int copenssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

// Stacks are macros. The names belong to whoever asks; NULL: the certificate has none.
static inline GENERAL_NAMES *copenssl_alternative_names(X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int copenssl_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

// The name's kind (GEN_…), and its bytes, which are the stack's; no bytes where it is of a kind without text.
static inline int copenssl_name(const GENERAL_NAMES *names, int at, const unsigned char **bytes, int *length) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, at);
    *bytes = NULL;
    *length = 0;
    switch (name->type) {
    case GEN_EMAIL: case GEN_DNS: case GEN_URI: case GEN_IPADD:
        *bytes = ASN1_STRING_get0_data(name->d.ia5);
        *length = ASN1_STRING_length(name->d.ia5);
    }
    return name->type;
}

// Its parameters are variadic.
static inline EVP_PKEY *copenssl_new_key(void) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

// An extension as the configuration of OpenSSL's command line writes it; 1 where it was added. The context's initialiser is a
// macro.
static inline int copenssl_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

#endif
