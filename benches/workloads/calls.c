/* Calls: small functions that are never inlined, in chains of five with one to six parameters, N rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ALONE __attribute__((noinline))

static ALONE uint32_t mix(uint32_t a) { return a ^ (a >> 15); }
static ALONE uint32_t step(uint32_t a, uint32_t b) { return mix(a * 0x2c1b3c6du) + b; }
static ALONE uint64_t wide(uint64_t a, uint32_t b, uint32_t c) { return a * 31 + step(b, c); }
static ALONE double scaled(double x, uint32_t a, uint64_t b) { return x * 0.5 + (double)(wide(b, a, a + 1) & 0xff); }
static ALONE double six(double x, double y, uint32_t a, uint32_t b, uint64_t c, uint64_t d) {
    return scaled(x, a, c) - scaled(y, b, d);
}

int main(int count, char **arguments) {
    uint32_t rounds = count > 1 ? (uint32_t)atoi(arguments[1]) : 1000000;
    double x = 1, y = 2;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        double z = six(x, y, i, i * 7, sum, i);
        x = y, y = z;
        sum += (uint64_t)(int64_t)z;
    }
    printf("%llu\n", (unsigned long long)sum);
}
