/* Memory: sums of arrays larger than any cache, then a walk along pointers in random order; N rounds, 48 MiB. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LENGTH (1 << 21)

static double a[LENGTH], b[LENGTH];
static uint32_t next[LENGTH * 2];

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 2;
    uint64_t state = 88172645463325252;
    for (uint32_t i = 0; i < LENGTH; i++)
        a[i] = i % 1000, b[i] = i % 77;
    /* One cycle through all places (Sattolo's shuffle). */
    for (uint32_t i = 0; i < LENGTH * 2; i++)
        next[i] = i;
    for (uint32_t i = LENGTH * 2 - 1; i > 0; i--) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        uint32_t other = state % i, kept = next[i];
        next[i] = next[other], next[other] = kept;
    }
    uint64_t sum = 0;
    uint32_t at = 0;
    for (int n = 0; n < rounds; n++) {
        for (uint32_t i = 0; i < LENGTH; i++)
            a[i] = a[i] * 0.5 + b[i] * 3.0;
        for (uint32_t i = 0; i < LENGTH / 4; i++)
            at = next[at], sum += at;
        sum += (uint64_t)a[at % LENGTH];
    }
    printf("%llu\n", (unsigned long long)sum);
}
