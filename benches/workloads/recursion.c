/* Recursion: Takeuchi's function, Ackermann's, and all ways to place eight queens; N rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int tak(int x, int y, int z) {
    return y < x ? tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) : z;
}

static uint32_t ackermann(uint32_t m, uint32_t n) {
    if (m == 0)
        return n + 1;
    return n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static int queens(uint32_t columns, uint32_t left, uint32_t right) {
    if (columns == 255)
        return 1;
    int ways = 0;
    for (uint32_t free = ~(columns | left | right) & 255; free; free &= free - 1) {
        uint32_t here = free & -free;
        ways += queens(columns | here, (left | here) << 1, (right | here) >> 1);
    }
    return ways;
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 5;
    uint64_t sum = 0;
    for (int n = 0; n < rounds; n++)
        sum = sum * 7 + (uint64_t)tak(18 - n % 2, 12, 6) + ackermann(2, 300 + n % 10) + (uint64_t)queens(0, 0, 0);
    printf("%llu\n", (unsigned long long)sum);
}
