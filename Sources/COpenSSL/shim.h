#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/core_names.h>
