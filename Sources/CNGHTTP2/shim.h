// nghttp2: frames, header compression and flow control of HTTP/2.
#ifndef KINESIS_SIDECAR_CNGHTTP2_H
#define KINESIS_SIDECAR_CNGHTTP2_H

#include <nghttp2/nghttp2.h>

#endif
