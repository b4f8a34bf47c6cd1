/* Dispatch: a register machine in bytecode, N rounds by a switch, then N by a table of handlers
 * (call_indirect). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
typedef struct {
    uint8_t op, a, b, c;
    int32_t imm;
} I;
static int64_t r[16];
static int pc;
#define OPS                                                                                                  \
    X(0, r[i->a] = i->imm)                                                                                   \
    X(1, r[i->a] = r[i->b] + r[i->c]) X(2, r[i->a] = r[i->b] - r[i->c]) X(3, r[i->a] = r[i->b] * r[i->c])    \
        X(4, r[i->a] = r[i->b] ^ (r[i->c] >> 3)) X(5, if (r[i->a] != 0) pc = i->imm)                         \
            X(6, r[i->a] = r[i->b] & i->imm) X(7, r[i->a] += i->imm)
#define X(n, b)                                                                                              \
    static void f##n(const I *i) {                                                                           \
        b;                                                                                                   \
    }
OPS
#undef X
    static void (*const tab[])(const I *) = {f0, f1, f2, f3, f4, f5, f6, f7};
static const I P[] = {{0, 0, 0, 0, 0}, {0, 1, 0, 0, 1}, {0, 2, 0, 0, 3},      {1, 0, 0, 1, 0},
                      {3, 4, 0, 2, 0}, {4, 0, 4, 0, 0}, {6, 5, 0, 0, 0xffff}, {1, 1, 1, 5, 0},
                      {2, 6, 4, 1, 0}, {4, 1, 6, 1, 0}, {7, 3, 0, 0, -1},     {5, 3, 0, 0, 3},
                      {8, 0, 0, 0, 0}};
int main(int c, char **v) {
    int n = c > 1 ? atoi(v[1]) : 20000000;
    r[3] = n;
    pc = 0;
    for (;;) {
        const I *i = &P[pc++];
        if (i->op == 8)
            break;
        switch (i->op) {
#define X(n, b)                                                                                              \
    case n:                                                                                                  \
        b;                                                                                                   \
        break;
            OPS
#undef X
        }
    }
    int64_t h = r[0] ^ r[1];
    for (int i = 0; i < 16; i++)
        r[i] = 0;
    r[3] = n;
    pc = 0;
    for (;;) {
        const I *i = &P[pc++];
        if (i->op == 8)
            break;
        tab[i->op](i);
    }
    printf("%lld %lld\n", (long long)h, (long long)(r[0] ^ r[1]));
}
