/* Indirect calls: objects of six kinds in random order, each with a table of methods, N rounds over all of them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define OBJECTS 4096

typedef struct shape shape;
typedef struct {
    uint32_t (*area)(const shape *);
    void (*grow)(shape *, uint32_t);
} methods;
struct shape {
    const methods *methods;
    uint32_t a, b;
};

static uint32_t square(const shape *s) { return s->a * s->a; }
static uint32_t rectangle(const shape *s) { return s->a * s->b; }
static uint32_t triangle(const shape *s) { return s->a * s->b / 2; }
static uint32_t circle(const shape *s) { return s->a * s->a * 355 / 113; }
static uint32_t ring(const shape *s) { return (s->a * s->a - s->b * s->b) * 355 / 113; }
static uint32_t nothing(const shape *s) { return s->b; }
static void wider(shape *s, uint32_t by) { s->a = (s->a + by) & 1023; }
static void higher(shape *s, uint32_t by) { s->b = (s->b + by) & 1023; }

static const methods kinds[] = {{square, wider}, {rectangle, higher}, {triangle, wider},
                                {circle, wider}, {ring, higher},      {nothing, higher}};

static uint64_t state = 88172645463325252;
static uint64_t chance(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 1000;
    static shape shapes[OBJECTS];
    for (int i = 0; i < OBJECTS; i++)
        shapes[i] = (shape){&kinds[chance() % 6], chance() & 1023, chance() & 1023};
    uint64_t sum = 0;
    for (int n = 0; n < rounds; n++)
        for (int i = 0; i < OBJECTS; i++) {
            sum = sum * 3 + shapes[i].methods->area(&shapes[i]);
            shapes[i].methods->grow(&shapes[i], n);
        }
    printf("%llu\n", (unsigned long long)sum);
}
