/* What the compiler of the package gcc-avr compiles: a ring buffer, a checksum and a sort. */
typedef unsigned char u8;
typedef unsigned int u16;
typedef unsigned long u32;

struct queue { u8 bytes[64]; u8 first, length; };

int put(struct queue *q, u8 byte) {
    if (q->length == sizeof q->bytes)
        return 0;
    q->bytes[(u8)(q->first + q->length++) % sizeof q->bytes] = byte;
    return 1;
}

int take(struct queue *q) {
    if (!q->length)
        return -1;
    u8 byte = q->bytes[q->first];
    q->first = (u8)(q->first + 1) % sizeof q->bytes;
    q->length--;
    return byte;
}

u16 checksum(const u8 *bytes, u16 length) {
    u16 sum = 0xffff;
    while (length--) {
        sum ^= *bytes++;
        for (u8 bit = 0; bit < 8; bit++)
            sum = sum & 1 ? (sum >> 1) ^ 0xa001 : sum >> 1;
    }
    return sum;
}

void sort(int *numbers, u8 count) {
    for (u8 i = 1; i < count; i++) {
        int moved = numbers[i];
        u8 j = i;
        for (; j && numbers[j - 1] > moved; j--)
            numbers[j] = numbers[j - 1];
        numbers[j] = moved;
    }
}

u32 mean(const struct queue *q) {
    u32 sum = 0;
    for (u8 i = 0; i < q->length; i++)
        sum += q->bytes[(u8)(q->first + i) % sizeof q->bytes];
    return q->length ? sum / q->length : 0;
}
