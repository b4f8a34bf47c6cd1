/* Strings: makes a text of words, then N times splits, lowers, searches, compares and joins by the C library. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 20000

static const char *const parts[] = {"lazy", "Function", "STUB", "entry", "Redirect", "code", "Memory", "trap"};

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 20;
    static char text[WORDS * 20], lower[WORDS * 20], joined[WORDS * 20];
    uint32_t state = 12345;
    size_t length = 0;
    for (int i = 0; i < WORDS; i++) {
        state = state * 1664525 + 1013904223;
        const char *first = parts[state >> 29], *second = parts[(state >> 20) & 7];
        length += (size_t)sprintf(text + length, "%s%s%u ", first, second, (state >> 10) & 63);
    }
    uint64_t sum = 0;
    for (int n = 0; n < rounds; n++) {
        for (size_t i = 0; i <= length; i++)
            lower[i] = (char)tolower((unsigned char)text[i]);
        for (char *at = lower; (at = strstr(at, "entrycode")); at++)
            sum += (uint64_t)(at - lower);
        char *end = joined, *before = "", *rest;
        for (char *word = strtok_r(lower, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
            if (strcmp(before, word) < 0) {
                end = stpcpy(end, word);
                *end++ = "-+"[strchr(word, '3') != NULL];
            }
            before = word;
            sum = sum * 31 + strlen(word);
        }
        *end = 0;
        sum += strcspn(joined, "+") + (uint64_t)(end - joined) + (memchr(joined, '9', end - joined) != NULL);
        text[(sum >> 3) % length] ^= 0x20 * (n & 1);
    }
    printf("%llu\n", (unsigned long long)sum);
}
