/* Hash: counts random keys in a table with open addressing, looks all of them up and takes some out; N rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES (1u << 16)
#define TAKEN UINT64_MAX

static uint64_t keys[PLACES];
static uint32_t values[PLACES];

static uint32_t place(uint64_t key) {
    uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 48);
    while (keys[at] && keys[at] != key)
        at = (at + 1) & (PLACES - 1);
    return at;
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 20;
    uint64_t state = 88172645463325252, sum = 0;
    for (int n = 0; n < rounds; n++) {
        memset(keys, 0, sizeof keys);
        memset(values, 0, sizeof values);
        for (int i = 0; i < 200000; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            uint64_t key = state % 40000 + 1;
            uint32_t at = place(key);
            keys[at] = key, values[at]++;
        }
        for (uint64_t key = 1; key <= 80000; key++) {
            uint32_t at = place(key);
            sum = sum * 3 + values[at];
            if (key % 7 == 0 && keys[at])
                keys[at] = TAKEN, values[at] = 0;
        }
    }
    printf("%llu\n", (unsigned long long)sum);
}
