/* Interpreter loop: a stack machine (one switch) that runs a sieve of primes up to 8,192 in its bytecode, N times. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PUSH, LOAD, STORE, ADD, LESS, GET, PUT, JUMP, IF_ZERO, END };
enum { I, J, PRIMES, VARIABLES };
#define LIMIT 8192

static const int32_t program[] = {
    PUSH, 2,      STORE, I,                                     /*  0: i = 2                    */
    LOAD, I,      PUSH,  LIMIT,   LESS, IF_ZERO, 59,            /*  4: while i < LIMIT          */
    LOAD, I,      GET,   IF_ZERO, 18,   JUMP,    50,            /* 11:   if not crossed[i]      */
    LOAD, PRIMES, PUSH,  1,       ADD,  STORE,   PRIMES,        /* 18:     primes += 1          */
    LOAD, I,      STORE, J,                                     /* 25:     j = i                */
    LOAD, J,      PUSH,  LIMIT,   LESS, IF_ZERO, 50,            /* 29:     while j < LIMIT      */
    LOAD, J,      PUSH,  1,       PUT,                          /* 36:       crossed[j] = 1     */
    LOAD, J,      LOAD,  I,       ADD,  STORE,   J, JUMP, 29,   /* 41:       j += i             */
    LOAD, I,      PUSH,  1,       ADD,  STORE,   I, JUMP, 4,    /* 50:   i += 1                 */
    END,                                                        /* 59                           */
};

static int32_t run(uint8_t *crossed) {
    int32_t stack[16], variables[VARIABLES] = {0}, *top = stack;
    const int32_t *next = program;
    for (;;) {
        switch (*next++) {
        case PUSH: *top++ = *next++; break;
        case LOAD: *top++ = variables[*next++]; break;
        case STORE: variables[*next++] = *--top; break;
        case ADD: top--, top[-1] += top[0]; break;
        case LESS: top--, top[-1] = top[-1] < top[0]; break;
        case GET: top[-1] = crossed[top[-1]]; break;
        case PUT: top -= 2, crossed[top[0]] = (uint8_t)top[1]; break;
        case JUMP: next = program + *next; break;
        case IF_ZERO: next = *--top ? next + 1 : program + *next; break;
        case END: return variables[PRIMES];
        }
    }
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 100;
    static uint8_t crossed[LIMIT];
    uint64_t sum = 0;
    for (int n = 0; n < rounds; n++) {
        memset(crossed, 0, sizeof crossed);
        sum += (uint64_t)run(crossed);
    }
    printf("%llu\n", (unsigned long long)sum);
}
