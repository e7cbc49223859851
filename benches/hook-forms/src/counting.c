/* The hook behind the C ABI: counts, and drops every hundredth packet. Must say what `packet.rs` and `dynamic.rs` say. */
#include <stddef.h>
#include <stdint.h>

struct packet {
    const uint8_t *payload;
    size_t length;
    uint32_t timestamp;
    uint16_t sequence_number;
};

struct state {
    uint64_t packets;
    uint64_t bytes;
    uint64_t dropped;
};

/* 0: it goes on, 1: it is dropped. */
int32_t rtp_in(struct state *state, const struct packet *packet) {
    state->packets += 1;
    state->bytes += packet->length;
    if (packet->sequence_number % 100 == 99) {
        state->dropped += 1;
        return 1;
    }
    return 0;
}
